from __future__ import annotations

import pytest
import torch
from mambamed.segmentation.brain_recipe.degrade import add_ghost
from mambamed.segmentation.brain_recipe.degrade import blur
from mambamed.segmentation.brain_recipe.degrade import lower_resolution
from scipy.ndimage import gaussian_filter1d

SHAPE = (9, 13, 11)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("axis", range(3))
def test_blur_agrees_with_scipy_along_each_axis(image: torch.Tensor, axis: int) -> None:
    sigma = [0.0, 0.0, 0.0]
    sigma[axis] = 1.2
    expected = gaussian_filter1d(image.double().numpy(), 1.2, axis=axis, mode="nearest", radius=3)
    blurred = blur(image, (sigma[0], sigma[1], sigma[2]))
    assert torch.allclose(blurred.double(), torch.from_numpy(expected), atol=1e-6)


def test_tiny_blur_changes_nothing(image: torch.Tensor) -> None:
    assert torch.equal(blur(image, (0.1, 0.0, 0.14)), image)


def test_lower_resolution_keeps_shape_and_mean_and_smooths_one_axis(image: torch.Tensor) -> None:
    coarse = lower_resolution(image, (1.0, 3.0, 1.0))
    assert coarse.shape == SHAPE
    assert float(coarse.mean()) == pytest.approx(float(image.mean()), abs=0.02)
    assert coarse.diff(dim=1).abs().mean() < 0.5 * image.diff(dim=1).abs().mean()


def test_lower_resolution_by_one_is_the_identity(image: torch.Tensor) -> None:
    assert torch.allclose(lower_resolution(image, (1.0, 1.0, 1.0)), image, atol=1e-6)


def test_ghost_is_half_a_field_away() -> None:
    image = torch.zeros(SHAPE)
    image[2, 3, 4] = 1.0
    ghosted = add_ghost(image, 0.1, 1)
    assert ghosted[2, 3, 4] == 1.0
    assert float(ghosted[2, 9, 4]) == pytest.approx(0.1)
    assert float(ghosted.sum()) == pytest.approx(1.1)
