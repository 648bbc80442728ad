"""Agreement of features at small shifts: by definition, and what networks and their loss make of it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.layers import warp
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks import RegistrationOutput
from mambamed.registration.networks import build
from mambamed.registration.networks.matching import local_matches
from mambamed.registration.networks.matching import match_divergence
from mambamed.registration.networks.training.loss import registration_loss

SHIFTS = list(product((-1, 0, 1), repeat=3))


def _features(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _network(**config: object) -> torch.nn.Module:
    torch.manual_seed(3)
    network = build("vmambamorph_feat", embed_dim=8, depths=(1, 1, 1), feature_channels=4, downsize=2, **config)
    torch.nn.init.normal_(network.reg_head[0].weight, std=0.1)
    return network.eval()


def test_matches_are_cosines_of_shifted_features() -> None:
    source, target = _features((2, 3, 4, 5, 6)), _features((2, 3, 4, 5, 6), 1)
    found = local_matches(source, target, 1).numpy()
    assert found.shape == (2, 27, 4, 5, 6)
    moving, fixed = ((x - x.mean((2, 3, 4), keepdims=True)) for x in (source.numpy(), target.numpy()))
    for case, place in ((0, (1, 2, 3)), (1, (2, 3, 4))):
        for index, shift in enumerate(SHIFTS):
            a = fixed[(case, slice(None), *place)]
            b = moving[(case, slice(None), *np.add(place, shift))]
            wanted = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert found[(case, index, *place)] == pytest.approx(wanted, abs=1e-5)
    # Beyond the volume nothing agrees.
    assert np.all(found[:, SHIFTS.index((-1, 0, 0)), 0] == 0.0)


def test_matches_point_from_the_target_into_the_source_as_displacements_do() -> None:
    source = _features((1, 8, 7, 8, 9))
    displacement = torch.zeros(1, 3, 7, 8, 9)
    displacement[:, 1] = 1.0
    displacement[:, 2] = -1.0
    target = warp(source, displacement)
    best = local_matches(source, target, 1).argmax(dim=1)[0, 1:-1, 1:-1, 1:-1]
    assert (best == SHIFTS.index((0, 1, -1))).all()


def test_divergence_is_small_for_true_matches_and_leaves_out_what_has_no_partner() -> None:
    axes = torch.meshgrid(*(torch.arange(float(n)) for n in (6, 7, 8)), indexing="ij")
    places = torch.stack(axes)[None]
    inside = torch.ones(1, 6, 7, 8, dtype=torch.bool)
    shift = SHIFTS.index((0, 1, 0))

    def divergence(best: int, moved: torch.Tensor) -> float:
        matches = torch.zeros(1, 27, 6, 7, 8)
        matches[:, best] = 1.0
        return float(match_divergence(matches, places, moved, inside, 1))

    moved = places.clone()
    moved[:, 1] += 1.0
    assert divergence(shift, moved) < 0.5 * divergence(SHIFTS.index((0, 0, 0)), moved)
    # Four voxels away nothing can match within one: nothing is asked for.
    assert divergence(shift, places + 4.0 * 8) == 0.0


def test_self_similarity_hardly_sees_the_contrast() -> None:
    source, target = (torch.rand(1, 1, 19, 26, 22, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    network = _network(self_similarity=True, matching_radius=1)
    with torch.no_grad():
        first = network(source, target)
        inverted = network(1.0 - source, 0.5 * target + 0.2)
        plain = _network(matching_radius=1)(1.0 - source, target)
        plain_first = _network(matching_radius=1)(source, target)
    assert first.matches.shape == (1, 27, 10, 13, 11)
    assert first.pos_flow.shape == (1, 3, 19, 26, 22)
    scale = float(first.pos_flow.abs().max())
    assert scale > 1e-2
    torch.testing.assert_close(inverted.pos_flow, first.pos_flow, atol=1e-3 * scale, rtol=0.0)
    assert (plain.pos_flow - plain_first.pos_flow).abs().max() > 0.05 * plain_first.pos_flow.abs().max()


def test_training_loss_asks_for_true_matches() -> None:
    settings = NetworkTrainingSettings(shapes=True, dice_weight=0.0, places_weight=0.0, smoothness_weight=0.0)
    axes = torch.meshgrid(*(torch.arange(float(n)) for n in (12, 14, 11)), indexing="ij")
    places = torch.stack(axes)[None]
    moved = places.clone()
    moved[:, 0] += 2.0
    labels = torch.ones(1, 12, 14, 11, dtype=torch.long)
    batch = {
        "target": torch.zeros(1, 1, 12, 14, 11),
        "source_labels": labels,
        "target_labels": labels,
        "source_places": places,
        "target_places": moved,
    }
    field = torch.zeros(1, 3, 12, 14, 11)
    values = []
    for best in ((1, 0, 0), (-1, 0, 0)):
        matches = torch.zeros(1, 27, 6, 7, 6)
        matches[:, SHIFTS.index(best)] = 1.0
        output = RegistrationOutput(batch["target"], field, field, matches=matches)
        terms = registration_loss(output, batch, settings)
        assert set(terms) == {"smoothness", "matching"}
        values.append(float(terms["matching"]))
    assert values[0] < 0.5 * values[1]


@pytest.mark.parametrize("name", ["vmambamorph", "transmorph"])
def test_matching_needs_features(name: str) -> None:
    with pytest.raises(BadRequestError, match="need a network with features"):
        build(name, matching_radius=1)
    with pytest.raises(BadRequestError, match="radius from 0"):
        build(f"{name}_feat", matching_radius=9)
