"""From tissue to a CT: the blur and the noise of a reconstruction kernel and a dose."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

__all__ = ["KERNEL_BLUR_MM", "KERNEL_NOISE_HU", "scan"]

KERNEL_BLUR_MM = {"smooth": 0.9, "standard": 0.6, "sharp": 0.3}
"""Standard deviation of the point spread in the slice."""

KERNEL_NOISE_HU = {"smooth": 14.0, "standard": 24.0, "sharp": 65.0}
"""SD of the noise in voxels of 0.7 x 0.7 x 1 mm at dose 1."""

_NOISE_WIDTH_MM = {"smooth": 1.1, "standard": 0.7, "sharp": 0.35}
_EDGE_GAIN = 0.35
_NEGLIGIBLE_BLUR = 0.15
"""In voxels."""

_VOXEL_AT_NOISE_MM3 = 0.7 * 0.7 * 1.0


def scan(
    tissue_hu: np.ndarray, spacing_mm: tuple[float, float, float], kernel: str, dose: float, seed: tuple[int, ...]
) -> np.ndarray:
    """Return the CT (z, y, x) in HU of tissue (z, y, x).

    A sharp kernel also raises edges. Noise is correlated over the kernel's width in the slice (anticorrelated for the
    sharp one), goes with the inverse square root of the dose, and averages out in large voxels.

    Args:
        tissue_hu: What is scanned.
        spacing_mm: Voxel size along x, y, z.
        kernel: ``smooth``, ``standard`` or ``sharp``.
        dose: Relative dose.
        seed: Of the noise.
    """
    sigmas = (0.0, KERNEL_BLUR_MM[kernel] / spacing_mm[1], KERNEL_BLUR_MM[kernel] / spacing_mm[0])
    ct = _blurred(tissue_hu.astype(np.float32, copy=False), sigmas)
    if kernel == "sharp":
        ct += _EDGE_GAIN * (ct - _blurred(ct, (0.0, 1.0 / spacing_mm[1], 1.0 / spacing_mm[0])))
    noise = np.random.default_rng(seed).standard_normal(ct.shape, dtype=np.float32)
    width = (0.0, _NOISE_WIDTH_MM[kernel] / spacing_mm[1], _NOISE_WIDTH_MM[kernel] / spacing_mm[0])
    coloured = noise
    if kernel == "sharp" and max(width) > _NEGLIGIBLE_BLUR:
        coloured = noise - _blurred(noise, tuple(2.0 * value for value in width))
    coloured = _blurred(coloured, width)
    averaging = max(1.0, float(np.prod(spacing_mm)) / _VOXEL_AT_NOISE_MM3)
    # Streaks and fixed structure average less than independent voxels do.
    level = KERNEL_NOISE_HU[kernel] / np.sqrt(dose) / averaging**0.4
    return ct + coloured * (level / max(float(coloured.std()), 1e-6))


def _blurred(array: np.ndarray, sigmas: tuple[float, ...]) -> np.ndarray:
    """Gaussian blur along the axes where it spans a noticeable part of a voxel."""
    result = array
    for axis, sigma in enumerate(sigmas):
        if sigma > _NEGLIGIBLE_BLUR:
            result = ndimage.gaussian_filter1d(result, sigma, axis=axis, mode="nearest")
    return result if result is not array else array.copy()
