"""What a severity network sees: the lungs alone, in a window of HU, on a coarse grid around them; and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.errors import BadRequestError

__all__ = ["PreparedLungs", "prepare_lungs"]

_ENOUGH_OF_A_VOXEL = 0.5
_FEWEST_VOXELS = 50


@dataclass(frozen=True)
class PreparedLungs:
    """The network's input.

    Attributes:
        values: (z, y, x) float32, -1 to 1 in the lungs, 0 outside.
        mask: (z, y, x) bool, voxels that are mostly lung.
        first: Position (z, y, x) of voxel 0 in voxels of the CT.
        step: Distance (z, y, x) between the network's voxels in voxels of the CT.
        spacing_mm: Of the network's voxels.
        ct_shape: Shape of the CT.
    """

    values: np.ndarray
    mask: np.ndarray
    first: tuple[float, float, float]
    step: tuple[float, float, float]
    spacing_mm: float
    ct_shape: tuple[int, int, int]

    def share_on_network_grid(self, part: np.ndarray, lungs: np.ndarray) -> np.ndarray:
        """Return how much of each network voxel's lung (z, y, x) a part, bool on the CT's grid, takes: 0 to 1."""
        where = ndimage.find_objects(lungs.astype(np.uint8))
        if not where:
            return np.zeros(self.values.shape, dtype=np.float32)
        start = [begin - side.start for begin, side in zip(self.first, where[0], strict=True)]
        size = (self.values.shape[0], self.values.shape[1], self.values.shape[2])
        inside = lungs[where[0]]
        all_of_it = _averaged(inside.astype(np.float32), start, self.step, size)
        taken = _averaged((part[where[0]] & inside).astype(np.float32), start, self.step, size)
        return np.where(all_of_it > 1e-3, taken / np.maximum(all_of_it, 1e-3), 0.0).astype(np.float32)

    def on_ct_grid(self, values: np.ndarray, order: int = 1) -> np.ndarray:
        """Return values of the network's grid (z, y, x), or of one pooled from it, on the CT's grid (float32).

        Args:
            values: Array that spans the same box as ``values``; fewer voxels are larger ones.
            order: 1 interpolates linearly, 0 takes the nearest voxel.
        """
        scale = [len_in / len_out for len_in, len_out in zip(self.values.shape, values.shape, strict=True)]
        # Middle of pooled voxel p in the network's voxels: (p + 0.5) * scale - 0.5.
        matrix = [1.0 / (step * factor) for step, factor in zip(self.step, scale, strict=True)]
        offset = [
            (0.5 - first / step) / factor - 0.5
            for first, step, factor in zip(self.first, self.step, scale, strict=True)
        ]
        moved: np.ndarray = ndimage.affine_transform(
            values.astype(np.float32), matrix, offset, output_shape=self.ct_shape, order=order, mode="nearest"
        )
        return moved


def prepare_lungs(
    ct_hu: np.ndarray, lungs: np.ndarray, spacing_mm: tuple[float, float, float], configuration: SeverityConfiguration
) -> PreparedLungs:
    """Resample the lungs onto the network's grid, averaging over lung voxels only.

    Args:
        ct_hu: (z, y, x) HU.
        lungs: (z, y, x) bool, airways removed.
        spacing_mm: (z, y, x).
        configuration: Grid and window.

    Raises:
        BadRequestError: There are no lungs.
    """
    where = ndimage.find_objects(lungs.astype(np.uint8))
    if not where or int(lungs.sum()) < _FEWEST_VOXELS:
        raise BadRequestError(
            "No lungs were found to grade; expected a chest CT with lungs, or give their segmentation."
        )
    box = where[0]
    extent_mm = [(part.stop - part.start) * spacing for part, spacing in zip(box, spacing_mm, strict=True)]
    voxel_mm = max(
        configuration.spacing_mm, *(length / count for length, count in zip(extent_mm, configuration.size, strict=True))
    )
    middle = [0.5 * (part.start + part.stop - 1) for part in box]
    step = tuple(voxel_mm / spacing for spacing in spacing_mm)
    first = tuple(
        centre - distance * (count - 1) / 2.0
        for centre, distance, count in zip(middle, step, configuration.size, strict=True)
    )
    low, high = configuration.window_hu
    share = lungs[box].astype(np.float32)
    unit = np.clip((ct_hu[box].astype(np.float32) - low) / (high - low), 0.0, 1.0) * 2.0 - 1.0
    start = [begin - part.start for begin, part in zip(first, box, strict=True)]
    weight = _averaged(share, start, step, configuration.size)
    total = _averaged(unit * share, start, step, configuration.size)
    mask = weight >= _ENOUGH_OF_A_VOXEL
    values = np.where(mask, total / np.maximum(weight, 1e-6), 0.0).astype(np.float32)
    return PreparedLungs(values, mask, first, step, voxel_mm, lungs.shape)


def _averaged(array: np.ndarray, start: list[float], step: tuple[float, ...], size: tuple[int, int, int]) -> np.ndarray:
    """Return means over boxes of ``step`` voxels around the points of a grid; outside the array is 0.

    One small matrix per axis: row n holds the overlap of the box around ``start + n * step`` with each voxel.
    """
    result = torch.from_numpy(np.ascontiguousarray(array))
    for axis in range(3):
        width = max(step[axis], 1.0)
        middle = start[axis] + step[axis] * np.arange(size[axis])
        voxels = np.arange(array.shape[axis])
        lower = np.maximum((middle - 0.5 * width)[:, None], voxels[None] - 0.5)
        upper = np.minimum((middle + 0.5 * width)[:, None], voxels[None] + 0.5)
        matrix = torch.from_numpy((np.maximum(upper - lower, 0.0) / width).astype(np.float32))
        result = functional.linear(result.movedim(axis, -1), matrix).movedim(-1, axis)
    return result.numpy()
