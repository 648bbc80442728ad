"""Smooth random fields, cheap: small noise grids interpolated, or noise blurred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch.nn import functional

__all__ = ["blurred_noise", "smooth_field"]


def smooth_field(
    rng: np.random.Generator, shape: int | Sequence[int], knots: int | Sequence[int]
) -> NDArray[np.float32]:
    """Normal noise on a grid of ``knots`` points, interpolated trilinearly to ``shape``; one number for a cube."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, *_three(knots)), dtype=np.float32))
    fine = functional.interpolate(coarse, size=_three(shape), mode="trilinear", align_corners=True)
    return np.asarray(fine[0, 0].numpy())


def blurred_noise(rng: np.random.Generator, shape: int | Sequence[int], sigma_voxels: float) -> NDArray[np.float32]:
    """Normal noise of ``shape`` (one number for a cube) blurred by a Gaussian, with standard deviation 1."""
    noise = rng.standard_normal(_three(shape), dtype=np.float32)
    if sigma_voxels > 0.3:
        noise = gaussian_filter(noise, sigma_voxels, mode="wrap", truncate=2.5)
        noise /= noise.std()
    return np.asarray(noise)


def _three(sizes: int | Sequence[int]) -> tuple[int, ...]:
    return (sizes,) * 3 if isinstance(sizes, int) else tuple(sizes)
