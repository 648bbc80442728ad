"""All measures through their common interface."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.similarity import Similarity
from mambamed.registration.similarity import build_similarity
from mambamed.registration.similarity import global_ncc
from mambamed.registration.similarity import local_squared_ncc
from mambamed.registration.similarity import local_variance
from mambamed.registration.similarity import mattes_mutual_information
from mambamed.registration.similarity import similarity_names


def _structured_volume(seed: int = 0) -> torch.Tensor:
    noise = torch.randn(1, 1, 20, 23, 18, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool3d(torch.nn.functional.pad(noise, (2,) * 6, mode="replicate"), 5, stride=1)
    return smooth / smooth.std()


@pytest.mark.parametrize("name", similarity_names())
def test_the_true_pose_is_best(name: str) -> None:
    measure = build_similarity(name)
    assert isinstance(measure, Similarity)
    fixed = _structured_volume()
    moving = torch.cat((fixed, fixed.roll(2, dims=2), fixed.roll(5, dims=4)))
    values = measure(fixed.expand_as(moving), moving)
    assert values.shape == (3,)
    assert values[0] > values[1] > values[2] - 0.05
    assert values[0] > values[2]


@pytest.mark.parametrize("name", [n for n in similarity_names() if n != "ncc"])
def test_an_inverted_copy_is_recognised(name: str) -> None:
    fixed = _structured_volume(1)
    measure = build_similarity(name)
    inverted = 2.0 - 1.5 * fixed
    assert measure(fixed, inverted) > measure(fixed, inverted.roll(3, dims=3))


@pytest.mark.parametrize("name", similarity_names())
def test_weights_hide_a_corrupted_half(name: str) -> None:
    fixed = _structured_volume(2)
    corrupted = fixed.clone()
    corrupted[:, :, 14:] = _structured_volume(7)[:, :, 14:]
    weights = torch.zeros_like(fixed)
    weights[:, :, :6] = 1.0
    measure = build_similarity(name)
    assert measure(fixed, corrupted, weights) > measure(fixed, corrupted)


@pytest.mark.parametrize("name", similarity_names())
def test_gradients_exist_where_promised(name: str) -> None:
    measure = build_similarity(name)
    moving = _structured_volume(3).roll(1, dims=2).requires_grad_()
    value = measure(_structured_volume(3), moving)
    assert value.requires_grad == measure.differentiable
    if measure.differentiable:
        value.sum().backward()
        assert torch.isfinite(moving.grad).all()
        assert moving.grad.abs().max() > 0


def test_local_ncc_equals_numpy_in_a_window() -> None:
    first, second = _structured_volume(4).double(), _structured_volume(5).double()
    values = local_squared_ncc(first, second, window=5)
    window = (0, 0, slice(7, 12), slice(3, 8), slice(10, 15))
    expected = np.corrcoef(first[window].ravel(), second[window].ravel())[0, 1] ** 2
    assert values[0, 0, 9, 5, 12].item() == pytest.approx(expected, rel=1e-4)


def test_global_ncc_equals_numpy_and_is_zero_on_a_constant() -> None:
    first, second = _structured_volume(4).double(), _structured_volume(5).double()
    assert global_ncc(first, second).item() == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1], abs=1e-9)
    assert global_ncc(first, torch.ones_like(first)).item() == pytest.approx(0, abs=1e-12)


def test_mattes_grows_with_dependence_and_is_zero_on_a_constant() -> None:
    volume = _structured_volume(6)
    # A non-monotonous mapping of intensities: correlation sees little of it, mutual information sees it.
    assert mattes_mutual_information(volume, volume**2) > 3 * mattes_mutual_information(volume, _structured_volume(8))
    assert mattes_mutual_information(volume, torch.ones_like(volume)).item() == 0.0


def test_local_variance_equals_numpy() -> None:
    volume = _structured_volume(9).double() + 100.0
    expected = volume[0, 0, 3:8, 10:15, 6:11].numpy().var()
    assert local_variance(volume, 2)[0, 0, 5, 12, 8].item() == pytest.approx(expected, rel=1e-9)


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(BadRequestError, match="no similarity measure"):
        build_similarity("ssd")
    with pytest.raises(BadRequestError, match="cannot take"):
        build_similarity("lc2", window=3)
    with pytest.raises(BadRequestError, match="same shape"):
        build_similarity("ncc")(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 5))
    with pytest.raises(BadRequestError, match="odd"):
        local_squared_ncc(torch.zeros(1, 1, 9, 9, 9), torch.zeros(1, 1, 9, 9, 9), window=4)
