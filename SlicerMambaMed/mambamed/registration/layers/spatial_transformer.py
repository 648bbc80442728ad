"""Warping with displacement fields: in voxels, component i along array axis i, from the output to the input."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["compose", "identity_grid", "integrate_velocity", "resize_displacement", "warp"]


def identity_grid(displacement: Tensor) -> Tensor:
    """Voxel coordinates of a field (B, 3, X, Y, Z), as (1, 3, X, Y, Z)."""
    axes = [torch.arange(size, dtype=displacement.dtype, device=displacement.device) for size in displacement.shape[2:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def warp(image: Tensor, displacement: Tensor, mode: Literal["bilinear", "nearest"] = "bilinear") -> Tensor:
    """Sample ``image`` at x + displacement(x); zero outside.

    Args:
        image: (B, C, X, Y, Z).
        displacement: (B, 3, X, Y, Z), in voxels, component i along array axis i.
        mode: "bilinear" (trilinear in 3D) or "nearest".

    Returns:
        The warped image, (B, C, X, Y, Z).
    """
    positions = identity_grid(displacement) + displacement
    # grid_sample wants positions from -1 to 1, channels last, fastest axis first.
    scaled = [
        2.0 * (positions[:, axis] / max(size - 1, 1) - 0.5) if size > 1 else positions[:, axis]
        for axis, size in enumerate(image.shape[2:])
    ]
    grid = torch.stack(scaled[::-1], dim=-1)
    return functional.grid_sample(image, grid, mode=mode, padding_mode="zeros", align_corners=True)


def compose(first: Tensor, second: Tensor) -> Tensor:
    """The displacement of moving by ``second`` and then by ``first``: first(x + second(x)) + second(x).

    ``warp(warp(image, first), second)`` equals ``warp(image, compose(first, second))`` up to interpolation.
    """
    return warp(first, second) + second


def integrate_velocity(velocity: Tensor, steps: int = 7) -> Tensor:
    """Exponentiate a stationary velocity field by scaling and squaring (Arsigny et al. 2006).

    Args:
        velocity: (B, 3, X, Y, Z), voxels per unit of time.
        steps: number of squarings; the field is first divided by 2**steps.

    Returns:
        The displacement after one unit of time. That of ``-velocity`` is its inverse.
    """
    displacement = velocity / 2**steps
    for _ in range(steps):
        displacement = displacement + warp(displacement, displacement)
    return displacement


def resize_displacement(displacement: Tensor, factor: float) -> Tensor:
    """Resample a field to ``factor`` times its size, its voxel values scaled along (trilinear, corners aligned)."""
    if factor < 1:
        return factor * _resize(displacement, factor)
    return _resize(factor * displacement, factor)


def _resize(field: Tensor, factor: float) -> Tensor:
    return functional.interpolate(field, scale_factor=factor, mode="trilinear", align_corners=True)
