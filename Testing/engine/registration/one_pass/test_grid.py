"""Where a network's grid is placed: around the brain of a head, around a mask, over a volume that it holds."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.imaging.phantoms import rotation_direction
from mambamed.jobs.reporter import NullReporter
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.one_pass.grid import network_grid
from mambamed.registration.one_pass.head_place import head_middle_mm
from mambamed.registration.pair import ImagePair
from mambamed.registration.pair import prepare_pair
from mambamed.registration.settings import RegistrationSettings

SETTINGS = RegistrationSettings(method="network:x", transform="deformable", initial="header")
CENTRE = np.array([12.0, -20.0, 30.0])
MIDDLE = np.add(CENTRE, (0.0, 0.0, -30.0))
SIDEWAYS = rotation_direction((10, -20, 80))


def head(direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)) -> sitk.Image:
    """A ball of radius 84 mm on a neck that leaves the volume at its lower end."""
    image = sitk.Image((60, 66, 72), sitk.sitkFloat32)
    image.SetSpacing((5.0, 5.0, 5.0))
    image.SetDirection(direction)
    matrix = GridGeometry.of_image(image).index_to_physical()
    image.SetOrigin((MIDDLE - matrix[:3, :3] @ ((np.array(image.GetSize()) - 1) / 2)).tolist())
    matrix = GridGeometry.of_image(image).index_to_physical()
    k, j, i = np.indices(image.GetSize()[::-1])
    places = np.stack((i, j, k), axis=-1) @ matrix[:3, :3].T + matrix[:3, 3] - CENTRE
    ball = (places**2).sum(axis=-1) < 84.0**2
    neck = ((places[..., :2] - (0.0, 25.0)) ** 2).sum(axis=-1) < 45.0**2
    noise = np.random.default_rng(0).normal(size=ball.shape)
    array = np.where(ball, 100.0, np.where(neck & (places[..., 2] < 0), 150.0, 0.0)) + 3.0 * noise
    filled = sitk.GetImageFromArray(array.astype(np.float32))
    filled.CopyInformation(image)
    return filled


def pair_of(image: sitk.Image, mask: sitk.Image | None = None) -> ImagePair:
    return prepare_pair(image, image, SETTINGS, NullReporter(), mask)


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), SIDEWAYS], ids=["upright", "sideways"])
def test_the_middle_of_a_head_is_found_from_its_outline(direction: tuple[float, ...]) -> None:
    image = head(direction)
    middle = head_middle_mm(image, 84.0)
    assert middle is not None
    assert np.linalg.norm(middle - CENTRE) < 12.0
    description = NetworkDescription("voxelmorph", grid_shape=(64, 80, 64), spacing_mm=2.0, middle_below_top_mm=84.0)
    grid = network_grid(pair_of(image), description)
    np.testing.assert_allclose(grid.centre_mm(), middle, atol=1e-6)
    assert grid.direction == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert (grid.size, grid.spacing_mm) == ((64, 80, 64), (2.0, 2.0, 2.0))
    assert head_middle_mm(image * 0.0, 84.0) is None


def test_a_mask_decides_and_a_volume_that_fits_is_held_as_a_whole() -> None:
    image = head()
    description = NetworkDescription("voxelmorph", grid_shape=(32, 32, 32), spacing_mm=2.0, middle_below_top_mm=84.0)
    mask = sitk.Cast(image * 0, sitk.sitkUInt8)
    mask[10:20, 30:36, 40:50] = 1
    grid = network_grid(pair_of(image, mask), description)
    np.testing.assert_allclose(grid.centre_mm(), image.TransformContinuousIndexToPhysicalPoint((14.5, 32.5, 44.5)))
    wide = NetworkDescription("voxelmorph", grid_shape=(96, 96, 96), spacing_mm=4.0)
    np.testing.assert_allclose(network_grid(pair_of(image), wide).centre_mm(), MIDDLE, atol=1e-6)


def test_a_grid_that_is_too_small_is_moved_to_the_tissue_within_the_volume() -> None:
    image = head()
    array = sitk.GetArrayFromImage(image)
    array[:, :, :30] = 0.0
    one_sided = sitk.GetImageFromArray(array)
    one_sided.CopyInformation(image)
    small = NetworkDescription("voxelmorph", grid_shape=(80, 96, 96), spacing_mm=2.0)
    grid = network_grid(pair_of(one_sided), small)
    whole = GridGeometry.of_image(image)
    assert grid.centre_mm()[0] > whole.centre_mm()[0] + 20.0
    assert grid.centre_mm()[0] + 80.0 <= whole.centre_mm()[0] + 150.0 + 1e-6
