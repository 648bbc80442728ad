"""Grids and regions of interest."""

from __future__ import annotations

import numpy as np
import pytest
from mambamed.errors import BadRequestError
from mambamed.imaging import crop_box_for_region
from mambamed.imaging import orientation_code
from mambamed.imaging import reorient
from mambamed.imaging import same_grid
from mambamed.imaging.geometry import voxel_volume_mm3
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import rotation_direction


def test_region_is_the_same_place_in_every_orientation() -> None:
    image, _ = ellipsoid_phantom(size=(20, 24, 18), spacing_mm=(1.0, 1.5, 2.0), origin_mm=(-10.0, 4.0, 7.0))
    region = (-5.0, 3.0, 10.0, 22.0, 12.9, 25.1)
    start, stop = crop_box_for_region(image, region)
    assert start == (5, 4, 3)
    assert stop == (14, 13, 10)
    turned = reorient(image, "SAR")
    assert orientation_code(turned) == "SAR"
    turned_start, turned_stop = crop_box_for_region(turned, region)
    first = {round(value, 6) for value in turned.TransformIndexToPhysicalPoint(turned_start)}
    last = {round(value, 6) for value in turned.TransformIndexToPhysicalPoint([value - 1 for value in turned_stop])}
    corners = {round(value, 6) for value in image.TransformIndexToPhysicalPoint(start)}
    corners |= {round(value, 6) for value in image.TransformIndexToPhysicalPoint([value - 1 for value in stop])}
    assert first | last == corners


def test_region_outside_and_malformed() -> None:
    image, _ = ellipsoid_phantom(size=(8, 8, 8))
    with pytest.raises(BadRequestError, match="does not overlap"):
        crop_box_for_region(image, (500.0, 600.0, 0.0, 50.0, 0.0, 50.0))
    with pytest.raises(BadRequestError, match="six"):
        crop_box_for_region(image, (0.0, 1.0, 2.0))


def test_same_grid_sees_small_and_large_differences() -> None:
    image, labels = ellipsoid_phantom(direction=rotation_direction((3.0, 0.0, 0.0)))
    assert same_grid(image, labels)
    labels.SetOrigin(np.asarray(labels.GetOrigin()) + 0.2)
    assert not same_grid(image, labels)
    other, _ = ellipsoid_phantom(size=(37, 43, 30))
    assert not same_grid(image, other)


def test_voxel_volume() -> None:
    image, _ = ellipsoid_phantom(spacing_mm=(0.5, 2.0, 3.0), direction=rotation_direction((10.0, 20.0, 30.0)))
    assert voxel_volume_mm3(image) == pytest.approx(3.0)
