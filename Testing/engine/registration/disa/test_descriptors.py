"""Descriptors of images: place in space, borders, precision, storage, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mambamed.errors import BadRequestError
from mambamed.imaging import reorient
from mambamed.imaging.phantoms import rotation_direction
from mambamed.registration.disa import DISANet
from mambamed.registration.disa import clip_norm
from mambamed.registration.disa import describe_volume
from mambamed.registration.disa import descriptors
from mambamed.registration.disa import prepare_volume
from mambamed.registration.disa.continuation import continued_beyond
from mambamed.registration.disa.quantised import LARGEST_COMPONENT_ERROR


@pytest.fixture(scope="module")
def network() -> DISANet:
    torch.manual_seed(1)
    network = DISANet().eval()
    with torch.no_grad():
        network.layers[-1].weight *= 20.0
    return network


def _image(size: tuple[int, int, int] = (31, 26, 22), spacing: tuple[float, ...] = (1.7, 2.1, 2.6)) -> sitk.Image:
    noise = np.random.default_rng(0).normal(size=size[::-1]).astype(np.float32)
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 1.5)
    image.SetSpacing(spacing)
    image.SetOrigin((-20.0, 14.0, 55.0))
    return image


def test_axes_and_place_of_the_working_volume() -> None:
    """A ramp in physical space stays that ramp at every sample of the working grid."""
    image = _image()
    image.SetDirection(rotation_direction((12, -8, 20)))
    gradient = np.array([0.3, -0.7, 1.9])
    array = np.empty(image.GetSize()[::-1], np.float32)
    for k, j, i in np.ndindex(array.shape):
        array[k, j, i] = gradient @ image.TransformIndexToPhysicalPoint((i, j, k))
    ramp = sitk.GetImageFromArray(array)
    ramp.CopyInformation(image)
    prepared = prepare_volume(ramp, 2.0)
    volume = prepared.tensor[0, 0].numpy()
    assert volume.mean() == pytest.approx(0, abs=1e-5)
    assert volume.std() == pytest.approx(1, abs=1e-5)
    assert volume.shape == prepared.geometry.size
    matrix = prepared.geometry.index_to_physical()
    inner = [(a, b, c) for a in (6, 13) for b in (7, 15) for c in (8, 14)]
    expected = np.array([gradient @ (matrix @ [*index, 1])[:3] for index in inner])
    found = np.array([volume[index] for index in inner])
    slope, _ = np.polyfit(expected, found, 1)
    np.testing.assert_allclose(found - found[0], slope * (expected - expected[0]), atol=2e-3)


@pytest.mark.parametrize("code", ["RAS", "SPL", "AIR"])
def test_storage_order_does_not_matter(network: DISANet, code: str) -> None:
    image = _image()
    expected = descriptors(image, network=network, precision="float32")
    turned = descriptors(reorient(image, code), network=network, precision="float32")
    assert turned.geometry.size == expected.geometry.size
    np.testing.assert_allclose(turned.geometry.index_to_physical(), expected.geometry.index_to_physical(), atol=1e-9)
    torch.testing.assert_close(turned.tensor, expected.tensor, atol=2e-4, rtol=0)


@pytest.mark.parametrize("stride", [4, 2, 1])
def test_samples_lie_on_every_stride_th_voxel(network: DISANet, stride: int) -> None:
    image = _image()
    prepared = prepare_volume(image, 3.0)
    result = descriptors(image, 3.0, stride, network=network, precision="float32")
    assert result.tensor.shape[2:] == result.geometry.size == prepared.geometry.strided(stride).size
    assert result.geometry.spacing_mm == (3.0 * stride,) * 3
    assert result.geometry.origin_mm == prepared.geometry.origin_mm
    assert torch.linalg.vector_norm(result.tensor, dim=1).max() <= 1 + 1e-5


def test_borders_are_as_if_the_image_went_on(network: DISANet) -> None:
    """Zero padding spoils the border; replicated voxels keep it within the stated 0.3 % or little more."""
    volume = prepare_volume(_image(), 2.0).tensor
    wide = torch.nn.functional.pad(volume, (24,) * 6, mode="replicate")
    with torch.inference_mode():
        exact = clip_norm(network(wide))[:, :, 6:, 6:, 6:]
        x, y, z = (-(-size // 4) for size in volume.shape[2:])
        exact = exact[:, :, :x, :y, :z]
        naive = clip_norm(network(volume))
    largest = exact.abs().max()
    assert (describe_volume(network, volume) - exact).abs().max() <= 0.01 * largest
    assert (naive - exact).abs().max() > 0.1 * largest


def test_bfloat16_is_close_and_reported(network: DISANet) -> None:
    image = _image()
    exact = descriptors(image, network=network, precision="float32")
    fast = descriptors(image, network=network, precision="bfloat16")
    assert (exact.precision, fast.precision) == ("float32", "bfloat16")
    assert descriptors(image, network=network).precision in ("float32", "bfloat16")
    difference = (fast.tensor - exact.tensor).square().mean().sqrt() / exact.tensor.square().mean().sqrt()
    assert difference < 0.02


def test_eight_bits_keep_the_stated_error(network: DISANet) -> None:
    result = descriptors(_image(), network=network, precision="float32")
    stored = result.quantise()
    assert stored.values.dtype == torch.int8
    assert stored.geometry == result.geometry
    again = stored.dequantise()
    assert (again - result.tensor).abs().max() <= LARGEST_COMPONENT_ERROR * (1 + 1e-5)
    exact = result.tensor.flatten(2)[0].T @ result.tensor.flatten(2)[0]
    approximate = again.flatten(2)[0].T @ again.flatten(2)[0]
    assert (approximate - exact).abs().max() < 0.032
    assert (approximate - exact).std() < 0.0032 * 1.2


def test_sign_average_does_not_see_the_sign(network: DISANet) -> None:
    image = _image()
    settings = {"network": network, "sign_average": True, "precision": "float32"}
    torch.testing.assert_close(
        descriptors(-1.0 * image, **settings).tensor, descriptors(image, **settings).tensor, atol=1e-5, rtol=0
    )


def test_the_mask_decides_on_the_normalisation() -> None:
    image = _image()
    array = np.zeros(image.GetSize()[::-1], np.uint8)
    array[6:18, 6:20, 6:24] = 1
    dark = sitk.GetImageFromArray(array)
    dark.CopyInformation(image)
    bright_outside = sitk.Cast(dark == 0, sitk.sitkFloat32) * 1000 + image
    mask = sitk.BinaryErode(dark, (3, 3, 3))
    inside = prepare_volume(bright_outside, 2.0, mask)
    centre = tuple(size // 2 for size in inside.geometry.size)
    assert abs(inside.tensor[(0, 0, *centre)]) < 5
    assert inside.tensor.abs().max() < 10
    with pytest.raises(BadRequestError, match="mask is empty"):
        prepare_volume(image, 2.0, mask * 0)


@pytest.mark.parametrize("spacing", [1.7, 3.0])
def test_what_lies_outside_the_mask_shows_nothing_inside(network: DISANet, spacing: float) -> None:
    """Descriptors inside the mask do not change with the values outside, however near its border."""
    image = _image()
    array = np.zeros(image.GetSize()[::-1], np.uint8)
    array[5:18, 6:20, 6:24] = 1
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(image)
    outside = sitk.Cast(mask == 0, sitk.sitkFloat32)
    plain, bright, blank = (
        prepare_volume(other, spacing, mask)
        for other in (image, image + 1000.0 * outside, image * sitk.Cast(mask, sitk.sitkFloat32))
    )
    torch.testing.assert_close(bright.tensor, plain.tensor, atol=1e-4, rtol=0)
    torch.testing.assert_close(blank.tensor, plain.tensor, atol=1e-4, rtol=0)
    without = prepare_volume(image * sitk.Cast(mask, sitk.sitkFloat32), spacing)
    seen = [describe_volume(network, volume.tensor) for volume in (plain, blank, without)]
    largest = seen[0].abs().max()
    assert (seen[1] - seen[0]).abs().max() < 1e-3 * largest
    assert (seen[2] - seen[0]).abs().max() > 0.3 * largest


def test_a_mask_thinner_than_the_working_voxels_is_continued_too() -> None:
    image = _image()
    mask = image * 0 + 1
    mask = sitk.Cast(mask, sitk.sitkUInt8)
    array = sitk.GetArrayFromImage(mask)
    array[:, :, :14] = 0
    array[:, :, 15:] = 0
    thin = sitk.GetImageFromArray(array)
    thin.CopyInformation(image)
    prepared = prepare_volume(image, 1.7, thin)
    assert torch.isfinite(prepared.tensor).all()
    assert float(prepared.tensor.std(dim=2).max()) < 1e-6


def test_the_continuation_takes_the_nearest_values_inside() -> None:
    rng = np.random.default_rng(3)
    volume = rng.normal(size=(70, 9, 8)).astype(np.float32)
    inside = np.zeros(volume.shape, bool)
    inside[4:6, 2:7, 3:5] = True
    continued = continued_beyond(volume, inside)
    np.testing.assert_array_equal(continued[inside], volume[inside])
    np.testing.assert_array_equal(continued[0], continued[4])
    np.testing.assert_array_equal(continued[5, :, 0], continued[5, :, 3])
    np.testing.assert_array_equal(continued[69], continued[5])
    assert continued_beyond(volume, np.ones_like(inside)) is volume


def test_one_slice(network: DISANet) -> None:
    result = descriptors(_image((33, 29, 40))[:, :, 20:21], 2.0, network=network, precision="float32")
    assert result.geometry.size[2] == 1
    assert torch.isfinite(result.tensor).all()


def test_bad_input_is_refused_in_one_sentence(network: DISANet) -> None:
    image = _image()
    with pytest.raises(BadRequestError, match="every voxel"):
        descriptors(image * 0 + 3, network=network)
    with pytest.raises(BadRequestError, match="2D"):
        descriptors(image[:, :, 3], network=network)
    with pytest.raises(BadRequestError, match="positive"):
        descriptors(image, 0.0, network=network)
    with pytest.raises(BadRequestError, match="coarser"):
        descriptors(image, 0.001, network=network)
    with pytest.raises(BadRequestError, match="precision"):
        descriptors(image, network=network, precision="int4")
