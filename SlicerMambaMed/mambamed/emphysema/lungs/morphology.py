"""Morphology in millimetres: grow, shrink, close and fill on grids whose voxels are not cubes."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

__all__ = ["closed", "components_by_size", "distance_to_mm", "fill_slices", "grown", "shrunk"]


def distance_to_mm(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return each voxel's distance in mm from the nearest voxel of the mask, centre to centre; 0 in the mask.

    Args:
        mask: bool (z, y, x), not empty.
        spacing_mm: (z, y, x).

    Returns:
        float32 (z, y, x).
    """
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing([float(spacing) for spacing in reversed(spacing_mm)])
    # Several times faster than scipy's Euclidean distance transform, with the same result.
    squared = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True)
    return np.sqrt(np.maximum(sitk.GetArrayViewFromImage(squared), 0.0))


def grown(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return all voxels whose centre lies within ``radius_mm`` of a voxel of the mask."""
    result = np.zeros_like(mask)
    if not mask.any():
        return result
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    reach = [int(np.ceil(radius_mm / spacing)) + 1 for spacing in spacing_mm]
    # Beyond the mask's bounding box widened by the radius nothing can change.
    near = tuple(slice(max(0, part.start - width), part.stop + width) for part, width in zip(box, reach, strict=True))
    result[near] = distance_to_mm(mask[near], spacing_mm) <= radius_mm
    return result


def shrunk(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return the voxels farther than ``radius_mm`` from everything outside; the volume's edge is no outside."""
    if not mask.any() or mask.all():
        return mask.copy()
    return np.asarray(distance_to_mm(~mask, spacing_mm) > radius_mm)


def closed(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Close gaps narrower than twice the radius; what lies beyond the volume's edge counts as outside."""
    margin = [int(np.ceil(radius_mm / spacing)) + 1 for spacing in spacing_mm]
    padded = np.pad(mask, [(width, width) for width in margin])
    result = shrunk(grown(padded, radius_mm, spacing_mm), radius_mm, spacing_mm)
    inner = result[tuple(slice(width, -width) for width in margin)]
    return inner | mask


def fill_slices(mask: np.ndarray) -> np.ndarray:
    """Fill the holes of every slice along the first axis."""
    filled = np.zeros_like(mask)
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        filled[index] = ndimage.binary_fill_holes(mask[index])
    return filled


def components_by_size(mask: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Number the 6-connected components.

    Returns:
        Component numbers, and (number, voxels) from the largest to the smallest.
    """
    numbers, count = ndimage.label(mask)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    order = sorted(range(1, count + 1), key=lambda number: -int(sizes[number]))
    return numbers, [(number, int(sizes[number])) for number in order]
