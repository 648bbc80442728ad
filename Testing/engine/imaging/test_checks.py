"""Checks of images already in memory."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.imaging import check_finite
from mambamed.imaging import check_image
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import picture_phantom


def test_good_image_passes() -> None:
    image, _ = ellipsoid_phantom()
    check_image(image)


def test_wrong_dimension_and_components() -> None:
    picture, _ = picture_phantom(channels=3)
    with pytest.raises(BadRequestError, match="2D image was found in scan, expected 3D"):
        check_image(picture, "scan", dimensions=(3,))
    with pytest.raises(BadRequestError, match="3 values per voxel in scan, expected 1"):
        check_image(picture, "scan", components=1)


def test_axes_that_are_not_perpendicular() -> None:
    image, _ = ellipsoid_phantom()
    image.SetDirection((1.0, 0.99, 0.0, 0.0, 0.14, 0.0, 0.0, 0.0, 1.0))
    with pytest.raises(BadRequestError, match="perpendicular"):
        check_image(image)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers(value: float) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array[1, 2, 3] = value
    with pytest.raises(BadRequestError, match="1 values that are not finite"):
        check_finite(array)


def test_constant_integer_volume_is_empty() -> None:
    with pytest.raises(BadRequestError, match="has the value 7"):
        check_finite(np.full((2, 3, 4), 7, dtype=np.int16))


def test_image_of_one_voxel_is_refused_as_empty() -> None:
    with pytest.raises(BadRequestError, match="empty"):
        check_image(sitk.GetImageFromArray(np.ones((1, 1, 1), dtype=np.float32)))
