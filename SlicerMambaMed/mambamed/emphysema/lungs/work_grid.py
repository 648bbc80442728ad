"""A coarser grid on which the lungs are found: blocks of voxels are averaged, which is fast and quiets noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

__all__ = ["AIR_HU", "OUT_OF_FIELD_HU", "WorkGrid", "clean_hu", "make_work_grid"]

AIR_HU = -1000
OUT_OF_FIELD_HU = -1200
"""Nothing scanned is below this: scanners mark what lies outside the field of view with -2000, -2048, -3024, ..."""

_TARGET_SPACING_MM = 1.9
_SMOOTHING_MM = 1.5


@dataclass(frozen=True)
class WorkGrid:
    """A volume averaged over blocks.

    Attributes:
        hu: float32 (z, y, x), smoothed.
        padding: bool (z, y, x), what lies outside the scanner's field of view.
        spacing_mm: (z, y, x) of the blocks.
        factors: Voxels per block (z, y, x).
        shape: Shape of the volume that it was made from.
    """

    hu: np.ndarray
    padding: np.ndarray
    spacing_mm: tuple[float, float, float]
    factors: tuple[int, int, int]
    shape: tuple[int, int, int]

    @property
    def voxel_ml(self) -> float:
        """Volume of a block in ml."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def to_full(self, mask: np.ndarray) -> np.ndarray:
        """Repeat each block's value over its voxels; the result has the shape of the original volume."""
        for axis, factor in enumerate(self.factors):
            if factor > 1:
                mask = np.repeat(mask, factor, axis=axis)
        # The last blocks may be incomplete, or missing by rounding down: their neighbours' values are continued.
        missing = [max(0, wanted - found) for wanted, found in zip(self.shape, mask.shape, strict=True)]
        if any(missing):
            mask = np.pad(mask, [(0, count) for count in missing], mode="edge")
        return mask[tuple(slice(0, length) for length in self.shape)]


def clean_hu(ct_hu: np.ndarray) -> np.ndarray:
    """Return a copy in which what lies outside the scanner's field of view is air.

    Args:
        ct_hu: HU, any shape.

    Returns:
        int16 or float32 values of -1024 or more.
    """
    kind: type = np.float32 if np.issubdtype(ct_hu.dtype, np.floating) else np.int16
    cleaned: np.ndarray = np.array(ct_hu, dtype=kind)
    cleaned[cleaned <= OUT_OF_FIELD_HU] = AIR_HU
    return np.maximum(cleaned, -1024, out=cleaned)


def make_work_grid(ct_hu: np.ndarray, spacing_mm: tuple[float, float, float]) -> WorkGrid:
    """Average blocks so that each side is close to 1.9 mm, and smooth lightly; coarser axes stay as they are.

    Args:
        ct_hu: HU as they came, (z, y, x).
        spacing_mm: (z, y, x).

    Returns:
        The work grid.
    """
    cleaned_hu = clean_hu(ct_hu)
    factors = tuple(max(1, round(_TARGET_SPACING_MM / spacing)) for spacing in spacing_mm)
    shape = tuple(int(length) for length in cleaned_hu.shape)
    factors = tuple(min(factor, length) for factor, length in zip(factors, shape, strict=True))
    blocks = tuple(length // factor for length, factor in zip(shape, factors, strict=True))
    whole_blocks = tuple(slice(0, count * factor) for count, factor in zip(blocks, factors, strict=True))

    def averaged(values: np.ndarray) -> np.ndarray:
        split = values[whole_blocks].reshape(blocks[0], factors[0], blocks[1], factors[1], blocks[2], factors[2])
        return np.asarray(split.mean(axis=(1, 3, 5), dtype=np.float32))

    hu = averaged(cleaned_hu)
    padding = _reaching_the_corners(averaged(_constant_outside(ct_hu)) > 0.5)
    coarse_mm = tuple(spacing * factor for spacing, factor in zip(spacing_mm, factors, strict=True))
    sigmas = [_SMOOTHING_MM / 2 / spacing for spacing in coarse_mm]
    hu = ndimage.gaussian_filter(hu, sigmas)
    return WorkGrid(hu, padding, coarse_mm, factors, shape)  # type: ignore[arg-type]


def _constant_outside(ct_hu: np.ndarray) -> np.ndarray:
    """Return what is far below air, or has the one value of air or less that the corners of the slices have."""
    outside = ct_hu <= OUT_OF_FIELD_HU
    slices = {len(ct_hu) // 4, len(ct_hu) // 2, (3 * len(ct_hu)) // 4}
    corners = {float(ct_hu[index, row, column]) for index in slices for row in (0, -1) for column in (0, -1)}
    if len(corners) == 1 and max(corners) <= AIR_HU:
        outside |= ct_hu == max(corners)
    return outside


def _reaching_the_corners(padding: np.ndarray) -> np.ndarray:
    """Keep, in each slice, the pieces that reach the picture's edge: air in the body may have the same value."""
    result = np.zeros_like(padding)
    for index in np.flatnonzero(padding.any(axis=(1, 2))):
        numbers, count = ndimage.label(padding[index])
        keep = np.zeros(count + 1, dtype=bool)
        keep[np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]])] = True
        keep[0] = False
        result[index] = keep[numbers]
    return result
