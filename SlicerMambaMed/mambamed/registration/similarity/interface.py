"""What every similarity measure offers, whatever is inside."""

from __future__ import annotations

from typing import Protocol
from typing import runtime_checkable

import torch
from torch import Tensor

from mambamed.errors import BadRequestError

__all__ = ["Similarity", "check_volume_pair", "weighted_mean"]


@runtime_checkable
class Similarity(Protocol):
    """A measure of how well two volumes on one grid agree; the larger, the better."""

    @property
    def name(self) -> str:
        """Short name, as in the settings."""

    @property
    def differentiable(self) -> bool:
        """Whether gradients with respect to both volumes exist."""

    def __call__(self, fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compare volumes of shape (B, 1, X, Y, Z); ``weights`` >= 0, same shape, says where it counts.

        Returns:
            One value per pair, shape (B,).
        """


def check_volume_pair(fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> None:
    """Raise ``BadRequestError`` unless both are single-channel volumes (B, 1, X, Y, Z) on one grid."""
    if fixed.ndim != 5 or fixed.shape[1] != 1 or fixed.shape != moving.shape:
        raise BadRequestError(
            f"Two volumes of shapes {tuple(fixed.shape)} and {tuple(moving.shape)} were given to a similarity measure; "
            "it needs two of the same shape (batch, 1, X, Y, Z). Resample one onto the grid of the other first."
        )
    if weights is not None and weights.shape != fixed.shape:
        raise BadRequestError(
            f"Weights of shape {tuple(weights.shape)} were given for volumes of shape {tuple(fixed.shape)}; "
            "give one weight per voxel, in the same shape."
        )


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Mean over channels and voxels of ``values`` (B, C, X, Y, Z) with ``weights`` (B, 1, X, Y, Z) -> (B,).

    Where all weights of a pair are zero, its result is zero.
    """
    if weights is None:
        return values.flatten(1).mean(dim=1)
    total = (values.mean(dim=1, keepdim=True) * weights).flatten(1).sum(dim=1)
    mass = weights.flatten(1).sum(dim=1)
    return torch.where(mass > 0, total / mass.clamp_min(torch.finfo(values.dtype).tiny), torch.zeros_like(total))
