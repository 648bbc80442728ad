"""Judging weights on pairs of images, and making a model folder of them."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.errors import BadRequestError
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import find_model
from mambamed.registration.disa import DISANet
from mambamed.registration.disa import prepare_volume
from mambamed.registration.disa.training import bundle
from mambamed.registration.disa.training.bundle import bundle_disa_weights
from mambamed.registration.disa.training.bundle import half_precision_error
from mambamed.registration.disa.training.judge import _at
from mambamed.registration.disa.training.judge import judge_network
from mambamed.registration.disa.training.judge import judge_pair
from mambamed.registration.disa.training.positions import gather_cubes
from mambamed.registration.disa.training.real_pairs import RealPair
from mambamed.registration.disa.weights import load_network
from safetensors.torch import save_file

PAIR = RealPair("blobs", "MR-CT", "first.nii.gz", "second.nii.gz")


@pytest.fixture
def network() -> DISANet:
    torch.manual_seed(0)
    return DISANet().eval()


def blobs(seed: int) -> sitk.Image:
    noise = np.random.default_rng(seed).normal(size=(37, 33, 41)).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 2.0)
    image.SetSpacing((2.0,) * 3)
    return image


def test_a_network_of_zeros_scores_the_mean_square_of_the_targets(network):
    for parameter in network.parameters():
        parameter.data.zero_()
    first, second = prepare_volume(blobs(0)), prepare_volume(blobs(1))
    score = judge_pair(network, first, second, PAIR, positions=20, seed=0)
    assert score.samples == 200
    assert 0.0 < score.target_variance < 0.25
    assert score.mean_squared_error > score.target_variance  # their mean is not zero
    assert score.mean_squared_error == pytest.approx(score.mean_squared_error_sign_averaged)
    assert score.r2 < 0


def test_descriptors_are_taken_where_the_cubes_are():
    """On a volume whose sides are not 4 k + 1, position p belongs to the descriptor at voxel 8 + 4 p."""
    size = torch.Size((38, 41, 35))
    shape = [-(-side // 4) for side in size]
    features = torch.arange(float(np.prod(shape))).reshape(1, 1, *shape)
    windows = [len(range(8, side - 8, 4)) for side in size]
    position = np.ravel_multi_index((5, 4, 3), windows)
    assert float(_at(features, np.array([[position]]), size)[0, 0]) == float(features[0, 0, 7, 6, 5])
    volume = torch.zeros(1, 1, *size)
    volume[0, 0, 28, 24, 20] = 1.0
    assert float(gather_cubes(volume, np.array([[position]]), 1)[0, 13]) == 1.0


def test_pairs_are_found_in_the_folder_and_judged(tmp_path, network):
    with pytest.raises(BadRequestError, match="holds none of the pairs"):
        judge_network(network, tmp_path, (PAIR,))
    for name, seed in ((PAIR.first, 0), (PAIR.second, 1)):
        sitk.WriteImage(blobs(seed), str(tmp_path / name))
    (score,) = judge_network(network, tmp_path, (PAIR,), positions=10)
    assert (score.pair, score.modalities, score.samples) == ("blobs", "MR-CT", 100)


def test_a_bundle_is_found_checked_and_loaded(tmp_path, network):
    save_file(network.state_dict(), str(tmp_path / "trained.safetensors"))
    judged = [asdict(judge_pair(network, prepare_volume(blobs(0)), prepare_volume(blobs(1)), PAIR, 5, 0))]
    folder = tmp_path / "disa-lc2"
    card = bundle_disa_weights(tmp_path / "trained.safetensors", folder, "0.1.0", "Two steps.", judged)
    assert ModelCard.read(folder) == card == find_model(folder).card
    assert {metric.label for metric in card.metrics} == {"MR-CT, blobs"}
    assert len(card.metrics) == 3
    assert card.weights[0].bytes < 500_000
    loaded = load_network(str(folder))
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=2e-3, rtol=1e-3)
    with pytest.raises(BadRequestError, match="holds a model already"):
        bundle_disa_weights(tmp_path / "trained.safetensors", folder, "0.1.0", "")


def test_weights_that_half_precision_would_change_stay_in_single(tmp_path, network, monkeypatch):
    assert 0.0 < half_precision_error(network.state_dict()) < 0.005
    monkeypatch.setattr(bundle, "_LARGEST_HALF_ERROR", 0.0)
    save_file(network.state_dict(), str(tmp_path / "trained.safetensors"))
    bundle_disa_weights(tmp_path / "trained.safetensors", tmp_path / "model", "0.1.0", "")
    for name, tensor in load_network(str(tmp_path / "model")).state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])


def test_other_weights_are_refused(tmp_path):
    save_file({"weight": torch.zeros(3)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(BadRequestError, match="does not hold the weights of a DISA network"):
        bundle_disa_weights(tmp_path / "other.safetensors", tmp_path / "model", "0.1.0", "")
