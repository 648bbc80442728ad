"""Losses of an acquisition on a (Z, Y, X) image: blur, thick slices, ghosts. Deterministic, parameters from outside."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

__all__ = ["add_ghost", "blur", "lower_resolution"]

_LEAST_SIGMA = 0.15


def blur(image: torch.Tensor, sigma_voxels: tuple[float, float, float]) -> torch.Tensor:
    """Blur with a separable Gaussian; an axis with less than 0.15 voxels is left as it is. Edges are replicated."""
    result = image[None, None]
    for axis, sigma in enumerate(sigma_voxels):
        if sigma < _LEAST_SIGMA:
            continue
        radius = max(1, math.ceil(2.5 * sigma))
        offsets = torch.arange(-radius, radius + 1, dtype=image.dtype)
        weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
        weights = weights / weights.sum()
        padding = [0] * 6
        padding[2 * (2 - axis)] = padding[2 * (2 - axis) + 1] = radius
        padded = functional.pad(result, padding, mode="replicate")
        length = image.shape[axis]
        result = sum(
            (weight * padded.narrow(axis + 2, start, length) for start, weight in enumerate(weights.tolist())),
            torch.zeros_like(result),
        )
    return result[0, 0]


def lower_resolution(image: torch.Tensor, factors: tuple[float, float, float]) -> torch.Tensor:
    """Average over ``factors`` voxels per axis (thick slices, coarse voxels), then interpolate back linearly."""
    size = [max(2, round(length / factor)) for length, factor in zip(image.shape, factors, strict=True)]
    coarse = functional.interpolate(image[None, None], size=size, mode="area")
    return functional.interpolate(coarse, size=tuple(image.shape), mode="trilinear", align_corners=False)[0, 0]


def add_ghost(image: torch.Tensor, strength: float, axis: int) -> torch.Tensor:
    """Add a copy of the image shifted by half the field of view along ``axis``, as periodic motion does."""
    return image + strength * torch.roll(image, image.shape[axis] // 2, dims=axis)
