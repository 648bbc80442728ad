"""Turning a volume never moves a voxel in space and can be undone exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.imaging import orientation_code
from mambamed.imaging import reorient
from mambamed.imaging.orientation import reorient_like
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import rotation_direction

CODES = [
    "".join(letters) for axes in itertools.permutations(("LR", "PA", "SI")) for letters in itertools.product(*axes)
]


def values_at(image: sitk.Image, points: np.ndarray) -> list[float]:
    return [image[image.TransformPhysicalPointToIndex(point.tolist())] for point in points]


def test_there_are_48_orientations() -> None:
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("code", CODES)
def test_every_voxel_keeps_its_place(code: str) -> None:
    image, _ = ellipsoid_phantom(size=(7, 5, 6), direction=rotation_direction((14.0, -9.0, 21.0)))
    turned = reorient(image, code)
    assert orientation_code(turned) == code
    points = np.array(
        [image.TransformIndexToPhysicalPoint(index) for index in itertools.product(range(7), range(5), range(6))]
    )
    assert values_at(turned, points) == values_at(image, points)
    again = reorient_like(turned, image)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(image))
    assert again.GetOrigin() == image.GetOrigin()
    assert again.GetDirection() == image.GetDirection()


def test_codes_agree_with_simpleitk() -> None:
    image, _ = ellipsoid_phantom(size=(7, 5, 6))
    for code in CODES:
        theirs = sitk.DICOMOrient(image, code)
        ours = reorient(image, code)
        assert orientation_code(theirs) == code
        np.testing.assert_array_equal(sitk.GetArrayFromImage(theirs), sitk.GetArrayFromImage(ours))
        np.testing.assert_allclose(theirs.GetOrigin(), ours.GetOrigin(), atol=1e-6)


@pytest.mark.parametrize("code", ["LL", "LRP", "XYZ", "LPSA"])
def test_wrong_code(code: str) -> None:
    image, _ = ellipsoid_phantom(size=(4, 5, 6))
    with pytest.raises(BadRequestError, match="not an orientation"):
        reorient(image, code)
