"""Where the brain's middle lies in a volume of a head, found from the outline of the head alone."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from mambamed.registration.geometry import GridGeometry

__all__ = ["head_middle_mm"]

_SPACING_MM = 4.0
_CRANIUM_MM = 100.0
"""Face and neck begin about so far below the top of the head."""
_LEAST_AREA_MM2 = 500.0
"""A level belongs to the head when it shows this much: thinner things above it are noise, or a frame."""


def head_middle_mm(image: sitk.Image, below_top_mm: float) -> np.ndarray | None:
    """Estimate the middle of the brain: so far below the top of the head, in the middle of the cranium's outline.

    Args:
        image: scalar volume of a head or of a brain without skull, LPS mm.
        below_top_mm: distance of the middle from the top (about 80 mm in adults).

    Returns:
        (3,), LPS mm; None if nothing stands out from the background.
    """
    spacing = [max(own, _SPACING_MM) for own in image.GetSpacing()]
    size = [
        max(1, round(count * own / step))
        for count, own, step in zip(image.GetSize(), image.GetSpacing(), spacing, strict=True)
    ]
    coarse = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection()
    )
    values = sitk.GetArrayFromImage(coarse)
    # A few very bright voxels must not decide on the threshold.
    values = np.clip(values, *np.percentile(values, (1.0, 99.0)))
    if values.min() == values.max():
        return None
    # Li's threshold lies below Otsu's: dark tissue belongs to the head.
    bright = sitk.GetArrayFromImage(sitk.LiThreshold(sitk.GetImageFromArray(values), 0, 1)) > 0
    pieces, count = ndimage.label(ndimage.binary_opening(bright))
    if count == 0:
        return None
    largest = np.argwhere(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:])))[:, ::-1]
    matrix = GridGeometry.of_image(coarse).index_to_physical()
    places = largest @ matrix[:3, :3].T + matrix[:3, 3]
    levels = np.floor(places[:, 2] / _SPACING_MM)
    heights, counts = np.unique(levels, return_counts=True)
    voxel_mm3 = float(np.prod(spacing))
    filled = heights[counts * voxel_mm3 / _SPACING_MM > _LEAST_AREA_MM2]
    if filled.size == 0:
        return None
    top = (float(filled.max()) + 0.5) * _SPACING_MM
    cranium = places[(places[:, 2] > top - _CRANIUM_MM) & (places[:, 2] <= top + _SPACING_MM)]
    middle = cranium.mean(axis=0)
    return np.array([middle[0], middle[1], top - below_top_mm])
