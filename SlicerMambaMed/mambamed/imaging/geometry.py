"""Grids: whether two images share one, boxes in millimetres turned into boxes in voxels, arrays placed on a grid."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError

__all__ = ["crop_box_for_region", "image_from_array_like", "same_grid", "voxel_volume_mm3"]

_TOLERANCE_VOXELS = 1e-2
"""Corners that agree to a hundredth of a voxel are the same grid (headers round in float32)."""


def same_grid(first: sitk.Image, second: sitk.Image) -> bool:
    """Tell whether two images have the same size and the same corners in space.

    Args:
        first: Image.
        second: Image.

    Returns:
        True if each corner voxel of one lies within a hundredth of a voxel of the other's.
    """
    if first.GetDimension() != second.GetDimension() or first.GetSize() != second.GetSize():
        return False
    tolerance_mm = _TOLERANCE_VOXELS * min(first.GetSpacing())
    for corner in itertools.product(*[(0, length - 1) for length in first.GetSize()]):
        one = np.asarray(first.TransformIndexToPhysicalPoint(corner))
        other = np.asarray(second.TransformIndexToPhysicalPoint(corner))
        if np.max(np.abs(one - other)) > tolerance_mm:
            return False
    return True


def crop_box_for_region(image: sitk.Image, region_lps_mm: Sequence[float]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Find the voxels of an image whose centres can lie in a box that is given in space.

    Args:
        image: Image with its geometry (LPS, mm); 2D images use the first two axes of the box.
        region_lps_mm: xmin, xmax, ymin, ymax, zmin, zmax along the patient axes left, posterior, superior.

    Returns:
        Start (inclusive) and stop (exclusive) indices, each in the image's axis order (x, y[, z]).

    Raises:
        BadRequestError: The box has no extent or does not touch the image.
    """
    if len(region_lps_mm) != 6 or not np.all(np.isfinite(region_lps_mm)):
        raise BadRequestError(
            f"The region of interest has {len(region_lps_mm)} values, expected six finite ones: "
            "xmin, xmax, ymin, ymax, zmin, zmax in millimetres (LPS)."
        )
    dimension = image.GetDimension()
    limits = [sorted((float(region_lps_mm[2 * axis]), float(region_lps_mm[2 * axis + 1]))) for axis in range(dimension)]
    corners = [image.TransformPhysicalPointToContinuousIndex(corner) for corner in itertools.product(*limits)]
    lowest = np.min(corners, axis=0)
    highest = np.max(corners, axis=0)
    size = np.asarray(image.GetSize())
    start = np.clip(np.ceil(lowest - 1e-6), 0, size).astype(int)
    stop = np.clip(np.floor(highest + 1e-6) + 1, 0, size).astype(int)
    if np.any(stop <= start):
        raise BadRequestError(
            "The region of interest does not overlap the volume (or is thinner than a voxel); move or enlarge it."
        )
    return tuple(int(value) for value in start), tuple(int(value) for value in stop)


def image_from_array_like(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    """Give an array the geometry of an image.

    Args:
        array: Values in array order ([z,] y, x), same size as the reference.
        reference: Image whose origin, spacing and direction are taken.

    Returns:
        Image on the reference's grid.
    """
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(reference.GetSpacing())
    image.SetOrigin(reference.GetOrigin())
    image.SetDirection(reference.GetDirection())
    return image


def voxel_volume_mm3(image: sitk.Image) -> float:
    """Volume (3D, cubic mm) or area (2D, square mm) of one voxel."""
    direction = np.asarray(image.GetDirection()).reshape(image.GetDimension(), image.GetDimension())
    return float(np.prod(image.GetSpacing()) * abs(np.linalg.det(direction)))
