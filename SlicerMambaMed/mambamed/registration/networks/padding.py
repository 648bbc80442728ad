"""Filling volumes up to a size that a network can halve again and again, and cutting its field back."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

__all__ = ["crop_to", "pad_to_multiple"]


def pad_to_multiple(volume: Tensor, multiple: int) -> Tensor:
    """Append zeros at the far end of X, Y and Z of (B, C, X, Y, Z) up to the next multiple."""
    padding: list[int] = []
    for size in reversed(volume.shape[2:]):
        padding += [0, -size % multiple]
    return functional.pad(volume, padding) if any(padding) else volume


def crop_to(field: Tensor, size: Sequence[int]) -> Tensor:
    """Keep the first voxels of each axis of (B, C, X, Y, Z)."""
    x, y, z = size
    return field[:, :, :x, :y, :z]
