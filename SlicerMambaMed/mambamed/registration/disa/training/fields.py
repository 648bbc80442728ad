"""Smooth random fields, cheap: small noise grids interpolated, or noise blurred."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch.nn import functional

__all__ = ["blurred_noise", "smooth_field"]


def smooth_field(rng: np.random.Generator, side: int, knots: int) -> NDArray[np.float32]:
    """Normal noise on a grid of ``knots`` cubed points, interpolated trilinearly to (side, side, side)."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, knots, knots, knots), dtype=np.float32))
    fine = functional.interpolate(coarse, size=(side,) * 3, mode="trilinear", align_corners=True)
    return np.asarray(fine[0, 0].numpy())


def blurred_noise(rng: np.random.Generator, side: int, sigma_voxels: float) -> NDArray[np.float32]:
    """Normal noise (side, side, side) blurred by a Gaussian and brought back to standard deviation 1."""
    noise = rng.standard_normal((side,) * 3, dtype=np.float32)
    if sigma_voxels > 0.3:
        noise = gaussian_filter(noise, sigma_voxels, mode="wrap", truncate=2.5)
        noise /= noise.std()
    return np.asarray(noise)
