"""Sum of dot products of sampled features, and its exact gradient, compiled for the CPU.

Trilinear interpolation and the dot product commute: the dot products with the eight surrounding features are
interpolated instead of the features, so that value and gradient cost eight dot products per point.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["accumulate"]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def accumulate(
    moving: np.ndarray,
    samples: np.ndarray,
    weights: np.ndarray,
    basis: np.ndarray,
    matrices: np.ndarray,
    first: int,
    last: int,
    values: np.ndarray,
    gradients: np.ndarray,
) -> None:
    """Evaluate the transforms ``first`` to ``last - 1``.

    Args:
        moving: features of the moving image (X, Y, Z, C), float32; zero outside.
        samples: features of the fixed image (N, C), float32.
        weights: (N,), float64.
        basis: phi of each sample (N, K), float64.
        matrices: from the basis to moving indices (B, 3, K), float64.
        first: first transform.
        last: one beyond the last transform.
        values: (B,), overwritten.
        gradients: with respect to ``matrices``, (B, 3, K), overwritten.
    """
    size_x, size_y, size_z, channels = moving.shape
    terms = basis.shape[1]
    dots = np.empty(8, np.float32)
    for b in range(first, last):
        value = 0.0
        for i in range(3):
            for k in range(terms):
                gradients[b, i, k] = 0.0
        for n in range(samples.shape[0]):
            x = 0.0
            y = 0.0
            z = 0.0
            for k in range(terms):
                x += matrices[b, 0, k] * basis[n, k]
                y += matrices[b, 1, k] * basis[n, k]
                z += matrices[b, 2, k] * basis[n, k]
            # Written so that a position that is not a number is left out, too.
            if not (-1.0 < x < size_x and -1.0 < y < size_y and -1.0 < z < size_z):
                continue
            x0 = int(np.floor(x))
            y0 = int(np.floor(y))
            z0 = int(np.floor(z))
            for corner in range(8):
                xi = x0 + (corner >> 2)
                yi = y0 + ((corner >> 1) & 1)
                zi = z0 + (corner & 1)
                dot = np.float32(0.0)
                if 0 <= xi < size_x and 0 <= yi < size_y and 0 <= zi < size_z:
                    for c in range(channels):
                        dot += samples[n, c] * moving[xi, yi, zi, c]
                dots[corner] = dot
            fx = x - x0
            fy = y - y0
            fz = z - z0
            d00 = dots[0] + fz * (dots[1] - dots[0])
            d01 = dots[2] + fz * (dots[3] - dots[2])
            d10 = dots[4] + fz * (dots[5] - dots[4])
            d11 = dots[6] + fz * (dots[7] - dots[6])
            d0 = d00 + fy * (d01 - d00)
            d1 = d10 + fy * (d11 - d10)
            weight = weights[n]
            value += weight * (d0 + fx * (d1 - d0))
            slope_x = weight * (d1 - d0)
            slope_y = weight * ((1.0 - fx) * (d01 - d00) + fx * (d11 - d10))
            low = (1.0 - fy) * (dots[1] - dots[0]) + fy * (dots[3] - dots[2])
            high = (1.0 - fy) * (dots[5] - dots[4]) + fy * (dots[7] - dots[6])
            slope_z = weight * ((1.0 - fx) * low + fx * high)
            for k in range(terms):
                gradients[b, 0, k] += slope_x * basis[n, k]
                gradients[b, 1, k] += slope_y * basis[n, k]
                gradients[b, 2, k] += slope_z * basis[n, k]
        values[b] = value
