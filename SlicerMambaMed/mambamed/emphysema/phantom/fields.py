"""Smooth random fields that are functions of position in millimetres, the same on every grid."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

__all__ = ["SmoothField"]

_REACH_MM = 240.0
"""Half the side of the cube that a field covers; beyond it the border's values go on."""

_LOST_BY_INTERPOLATION = (2.0 / 3.0) ** 1.5
"""Standard deviation that linear interpolation between independent points leaves, in three dimensions."""


class SmoothField:
    """Normal values (mean 0, SD about 1) on a lattice of points, linearly interpolated in between.

    Args:
        wavelength_mm: Distance of the lattice's points.
        seed: Seed, or a sequence of integers, of the values.
        channels: Independent fields.
    """

    def __init__(self, wavelength_mm: float, seed: int | tuple[int, ...], channels: int = 1) -> None:
        count = int(np.ceil(2.0 * _REACH_MM / wavelength_mm)) + 1
        self._half_mm = 0.5 * wavelength_mm * (count - 1)
        values = np.random.default_rng(seed).standard_normal((1, channels, count, count, count), dtype=np.float32)
        self._values = torch.from_numpy(values / np.float32(_LOST_BY_INTERPOLATION))

    def __call__(self, points_mm: np.ndarray) -> np.ndarray:
        """Return the fields at points (..., 3) in millimetres as (channels, ...) float32."""
        unit = torch.from_numpy(np.ascontiguousarray(points_mm.reshape(1, 1, 1, -1, 3) / np.float32(self._half_mm)))
        found = functional.grid_sample(
            self._values, unit.float(), mode="bilinear", padding_mode="border", align_corners=True
        )
        return found.numpy().reshape(-1, *points_mm.shape[:-1])
