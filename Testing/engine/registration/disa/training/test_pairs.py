"""Positions, targets of all pairs, balancing and the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.registration.disa.training.pair_loss import SimilarityBalance
from mambamed.registration.disa.training.pair_loss import pair_loss
from mambamed.registration.disa.training.pair_loss import pair_targets
from mambamed.registration.disa.training.positions import draw_positions
from mambamed.registration.disa.training.positions import gather_cubes
from mambamed.registration.disa.training.positions import gather_features
from mambamed.registration.disa.training.positions import position_weights
from mambamed.registration.similarity import lc2


@pytest.fixture
def volumes():
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randn(2, 1, 8, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(25,) * 3, mode="trilinear", align_corners=True)


def test_cubes_are_cut_around_their_positions():
    volume = torch.arange(25.0 * 29 * 33).reshape(1, 1, 25, 29, 33)
    # Positions inside the margin: 3 x 4 x 5; number 1 * 20 + 2 * 5 + 4 has its centre at 8 + 4 (1, 2, 4).
    cube = gather_cubes(volume, np.array([[34]]), 2)
    assert torch.equal(cube, volume[0, 0, 10:15, 14:19, 22:27].reshape(1, -1))


def test_targets_are_the_mean_of_both_directions(volumes):
    positions = np.array([[0, 13], [13, 26]])
    patches = gather_cubes(volumes, positions, 8).reshape(-1, 1, 17, 17, 17)
    targets = pair_targets(volumes, positions)
    for i in range(4):
        for j in range(4):
            expected = 0.5 * (lc2(patches[i : i + 1], patches[j : j + 1]) + lc2(patches[j : j + 1], patches[i : i + 1]))
            assert float(targets[i, j]) == pytest.approx(float(expected), abs=1e-5)


def test_half_precision_products_change_targets_little(volumes):
    positions = np.array([[0, 13, 20], [13, 26, 5]])
    exact, rounded = pair_targets(volumes, positions), pair_targets(volumes, positions, torch.bfloat16)
    assert float((exact - rounded).abs().max()) < 0.01


def test_features_are_taken_at_the_positions_of_the_cubes():
    outputs = torch.arange(7.0**3).reshape(1, 1, 7, 7, 7)  # of a volume with 25 voxels a side
    chosen = gather_features(outputs, np.array([[0, 14]]))
    assert chosen.tolist() == [[float(outputs[0, 0, 2, 2, 2])], [float(outputs[0, 0, 3, 3, 4])]]


def test_positions_follow_variance_and_are_shared(volumes):
    volumes[1, :, 12:] = 0.0
    weights = position_weights(volumes)
    assert weights.shape == (2, 27)
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0, 1.0])
    assert float(weights[1, :9].sum()) > 0.5 > float(weights[1, 18:].sum())
    drawn = draw_positions(np.random.default_rng(0), weights, 20, shared=0.7)
    assert drawn.shape == (2, 20)
    assert all(len(set(row)) == 20 for row in drawn.tolist())
    assert drawn[0, :14].tolist() == drawn[1, :14].tolist()


def test_balancing_gives_every_similarity_the_same_say():
    generator = torch.Generator().manual_seed(0)
    balance = SimilarityBalance(memory=0.5, rarest=0.01)
    for _ in range(20):
        targets = torch.rand(200, 200, generator=generator) ** 3
        targets.fill_diagonal_(0.97)
        weights = balance.weights(targets)
    assert float(weights.sum()) == pytest.approx(1.0, abs=1e-4)
    assert float(weights.diagonal().abs().max()) == 0.0
    low = weights[targets < 0.5].sum()
    high = weights[targets >= 0.5].sum()
    assert float(low / high) == pytest.approx(1.0, abs=0.1)


def test_the_loss_is_zero_for_right_descriptors_and_ignores_pairs_with_oneself():
    features = torch.nn.functional.normalize(torch.randn(6, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    targets = features @ features.T
    targets.fill_diagonal_(0.0)
    loss, explained = pair_loss(3.0 * features, targets, SimilarityBalance())
    assert float(loss) == pytest.approx(0.0, abs=1e-10)
    assert explained == pytest.approx(1.0, abs=1e-6)
    loss, explained = pair_loss(features, targets + 0.1, SimilarityBalance())
    assert float(loss) == pytest.approx(0.01, rel=1e-4)
    assert explained == pytest.approx(1.0, abs=1e-6)
    assert float(pair_loss(features, targets + 0.1, SimilarityBalance(), 0.05)[0]) == pytest.approx(0.0005, rel=1e-3)
