"""Checks of an input image, each with one clear sentence for the person who chose it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError

__all__ = [
    "LARGEST_SPACING_MM",
    "SMALLEST_SPACING_MM",
    "check_finite",
    "check_geometry",
    "check_image",
    "check_not_nan",
    "check_spacing",
]

SMALLEST_SPACING_MM = 1e-4
"""A tenth of a micrometre: below what light microscopy resolves."""

LARGEST_SPACING_MM = 100.0
"""Ten centimetres between samples: more than any medical scan."""

_SMALLEST_DETERMINANT = 0.2
"""|det| of the direction below this means axes so far from perpendicular that voxels lose their meaning."""


def check_spacing(spacing_mm: Sequence[float], name: str = "the image") -> None:
    """Refuse a spacing that no scanner or microscope produces.

    Args:
        spacing_mm: Distance between samples along each axis.
        name: How the message calls the image.

    Raises:
        BadRequestError: If a value is not finite, not positive, or outside 0.0001 mm to 100 mm.
    """
    for value in spacing_mm:
        if not np.isfinite(value) or not SMALLEST_SPACING_MM <= value <= LARGEST_SPACING_MM:
            shown = " x ".join(f"{item:g}" for item in spacing_mm)
            raise BadRequestError(
                f"The spacing of {name} is {shown} mm, expected {SMALLEST_SPACING_MM:g} to {LARGEST_SPACING_MM:g} mm "
                "along each axis; correct the spacing in the file's header."
            )


def check_geometry(image: sitk.Image, name: str = "the image") -> None:
    """Refuse an image with an absurd spacing, origin or direction.

    Args:
        image: Image of any dimension.
        name: How the message calls the image.

    Raises:
        BadRequestError: With what was found and what was expected.
    """
    check_spacing(image.GetSpacing(), name)
    if not np.all(np.isfinite(image.GetOrigin())):
        raise BadRequestError(f"The origin of {name} is not finite; correct the position in the file's header.")
    direction = np.asarray(image.GetDirection(), dtype=np.float64)
    dimension = image.GetDimension()
    if not np.all(np.isfinite(direction)):
        raise BadRequestError(f"The direction of {name} is not finite; correct the orientation in the file's header.")
    if abs(np.linalg.det(direction.reshape(dimension, dimension))) < _SMALLEST_DETERMINANT:
        raise BadRequestError(
            f"The axes of {name} are far from perpendicular, expected a rotation; "
            "resample it onto a regular grid first."
        )


def check_not_nan(array: np.ndarray, name: str = "the image") -> None:
    """Refuse NaN and infinity.

    Args:
        array: Intensities, any shape, at least one value.
        name: How the message calls the image.

    Raises:
        BadRequestError: With how many values are wrong.
    """
    # The smallest and largest value are NaN or infinite if any value is; no array of flags is needed for good images.
    if np.issubdtype(array.dtype, np.floating) and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        wrong = int(array.size - np.count_nonzero(np.isfinite(array)))
        raise BadRequestError(
            f"There are {wrong} values that are not finite (NaN or infinity) in {name}, expected none; "
            "replace them or choose another volume."
        )


def check_finite(array: np.ndarray, name: str = "the image") -> None:
    """Refuse values that are not numbers, and an image whose values are all the same.

    Args:
        array: Intensities, any shape.
        name: How the message calls the image.

    Raises:
        BadRequestError: With how many values are wrong.
    """
    if array.size == 0:
        raise BadRequestError(f"There are no voxels in {name}; choose another volume.")
    check_not_nan(array, name)
    lowest, highest = array.min(), array.max()
    if lowest == highest:
        raise BadRequestError(
            f"The volume is empty: every voxel of {name} has the value {float(lowest):g}; choose another volume."
        )


def check_image(
    image: sitk.Image, name: str = "the image", dimensions: Sequence[int] = (2, 3), components: int | None = None
) -> None:
    """Check dimension, number of components, geometry and values of an image.

    Args:
        image: The image to check.
        name: How messages call it.
        dimensions: Accepted numbers of axes.
        components: Expected number of values per voxel; None accepts any.

    Raises:
        BadRequestError: With what was found, what was expected, what to do.
    """
    if image.GetDimension() not in dimensions:
        wanted = " or ".join(f"{value}D" for value in dimensions)
        raise BadRequestError(
            f"A {image.GetDimension()}D image was found in {name}, expected {wanted}; choose one volume of the series."
        )
    if components is not None and image.GetNumberOfComponentsPerPixel() != components:
        raise BadRequestError(
            f"There are {image.GetNumberOfComponentsPerPixel()} values per voxel in {name}, expected {components}."
        )
    if min(image.GetSize()) < 1:
        raise BadRequestError(f"There are no voxels in {name}; choose another volume.")
    check_geometry(image, name)
    check_finite(sitk.GetArrayViewFromImage(image), name)
