"""A coarser grid on which the lungs are found: blocks of voxels are averaged, which is fast and quiets noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

__all__ = ["AIR_HU", "WorkGrid", "clean_hu", "make_work_grid"]

AIR_HU = -1000
_OUT_OF_FIELD_HU = -1200
"""Nothing scanned is below this: scanners mark what lies outside the field of view with -2000, -2048, -3024, ..."""

_TARGET_SPACING_MM = 1.9
_SMOOTHING_MM = 1.5


@dataclass(frozen=True)
class WorkGrid:
    """A volume averaged over blocks.

    Attributes:
        hu: float32 (z, y, x), smoothed.
        spacing_mm: (z, y, x) of the blocks.
        factors: Voxels per block (z, y, x).
        shape: Shape of the volume that it was made from.
    """

    hu: np.ndarray
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
    cleaned[cleaned <= _OUT_OF_FIELD_HU] = AIR_HU
    return np.maximum(cleaned, -1024, out=cleaned)


def make_work_grid(cleaned_hu: np.ndarray, spacing_mm: tuple[float, float, float]) -> WorkGrid:
    """Average blocks so that each side is close to 1.9 mm, and smooth lightly; coarser axes stay as they are.

    Args:
        cleaned_hu: What ``clean_hu`` gave, (z, y, x).
        spacing_mm: (z, y, x).

    Returns:
        The work grid.
    """
    factors = tuple(max(1, round(_TARGET_SPACING_MM / spacing)) for spacing in spacing_mm)
    shape = tuple(int(length) for length in cleaned_hu.shape)
    factors = tuple(min(factor, length) for factor, length in zip(factors, shape, strict=True))
    blocks = tuple(length // factor for length, factor in zip(shape, factors, strict=True))
    trimmed = cleaned_hu[tuple(slice(0, count * factor) for count, factor in zip(blocks, factors, strict=True))]
    split = trimmed.reshape(blocks[0], factors[0], blocks[1], factors[1], blocks[2], factors[2])
    hu = split.mean(axis=(1, 3, 5), dtype=np.float32)
    coarse_mm = tuple(spacing * factor for spacing, factor in zip(spacing_mm, factors, strict=True))
    sigmas = [_SMOOTHING_MM / 2 / spacing for spacing in coarse_mm]
    hu = ndimage.gaussian_filter(hu, sigmas)
    return WorkGrid(hu, coarse_mm, factors, shape)  # type: ignore[arg-type]
