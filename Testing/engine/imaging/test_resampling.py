"""Bringing a second channel onto the first one's grid."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.imaging import reorient
from mambamed.imaging import resample_like
from mambamed.imaging import same_grid
from mambamed.imaging.phantoms import ellipsoid_phantom


def linear_field(
    size: tuple[int, int, int], spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> sitk.Image:
    image, _ = ellipsoid_phantom(size=size, spacing_mm=spacing, origin_mm=origin, noise=0.0)
    axes = np.meshgrid(*[np.arange(length) for length in size], indexing="ij")
    x, y, z = (start + step * axis for start, step, axis in zip(origin, spacing, axes, strict=True))
    field = sitk.GetImageFromArray((2 * x - y + 0.5 * z).transpose(2, 1, 0).astype(np.float32))
    field.CopyInformation(image)
    return field


def test_same_grid_is_returned_untouched() -> None:
    image, labels = ellipsoid_phantom()
    assert resample_like(labels, image) is labels


def test_linear_field_is_exact_inside() -> None:
    reference = linear_field((9, 8, 7), (1.0, 1.2, 2.0), (0.0, 0.0, 0.0))
    other = reorient(linear_field((20, 20, 20), (0.9, 0.7, 1.1), (-2.0, -2.0, -2.0)), "RAI")
    moved = resample_like(other, reference)
    assert same_grid(moved, reference)
    np.testing.assert_allclose(sitk.GetArrayFromImage(moved), sitk.GetArrayFromImage(reference), atol=1e-4)


def test_labels_stay_labels() -> None:
    _, labels = ellipsoid_phantom()
    reference, _ = ellipsoid_phantom(size=(20, 21, 22), spacing_mm=(1.7, 1.6, 1.9))
    moved = resample_like(labels, reference, labels=True)
    assert moved.GetPixelID() == labels.GetPixelID()
    assert set(np.unique(sitk.GetArrayFromImage(moved))) == {0, 1, 2, 3}


def test_no_overlap_and_other_dimension() -> None:
    image, _ = ellipsoid_phantom()
    far, _ = ellipsoid_phantom(origin_mm=(900.0, 0.0, 0.0))
    with pytest.raises(BadRequestError, match="T2 does not overlap"):
        resample_like(far, image, name="T2")
    with pytest.raises(BadRequestError, match="T2 is 2D, expected 3D"):
        resample_like(image[:, :, 3], image, name="T2")
