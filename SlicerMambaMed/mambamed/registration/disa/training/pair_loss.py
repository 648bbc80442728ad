"""All pairs of positions at once: targets, balancing by similarity, and the loss."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambamed.registration.disa.network import clip_norm
from mambamed.registration.disa.training.positions import gather_cubes
from mambamed.registration.similarity.gradient import gradient_magnitude
from mambamed.registration.similarity.lc2_pairs import lc2_pairs_at_radius
from mambamed.registration.similarity.lc2_patches import DEFAULT_RADII

__all__ = ["SimilarityBalance", "all_similarities", "pair_loss", "pair_targets"]

_BINS = 20


def pair_targets(volumes: Tensor, positions: NDArray[np.int64], product_dtype: torch.dtype | None = None) -> Tensor:
    """LC2 of all pairs of positions of a batch.

    Args:
        volumes: (B, 1, S, S, S).
        positions: (B, N), as from ``draw_positions``.
        product_dtype: see ``lc2_pairs_at_radius``.

    Returns:
        (B * N, B * N), symmetric: see ``all_similarities``.
    """
    return all_similarities(volumes, positions, volumes, positions, product_dtype)


@torch.no_grad()
def all_similarities(
    first: Tensor,
    first_positions: NDArray[np.int64],
    second: Tensor,
    second_positions: NDArray[np.int64],
    product_dtype: torch.dtype | None = None,
) -> Tensor:
    """LC2 of each position of one set of volumes with each of another, averaged over the radii and both directions.

    Args:
        first: (B, 1, X, Y, Z).
        first_positions: (B, N), as from ``draw_positions``.
        second: (C, 1, X, Y, Z), may be the same tensor.
        second_positions: (C, M).
        product_dtype: see ``lc2_pairs_at_radius``.

    Returns:
        (B * N, C * M).
    """
    same = second is first and second_positions is first_positions
    sets = [(first, first_positions)] if same else [(first, first_positions), (second, second_positions)]
    magnitudes = [gradient_magnitude(volumes) for volumes, _ in sets]
    total = torch.zeros(())
    for radius in DEFAULT_RADII:
        images = [gather_cubes(volumes, where, radius) for volumes, where in sets]
        gradients = [gather_cubes(values, where, radius) for values, (_, where) in zip(magnitudes, sets, strict=True)]
        forth = lc2_pairs_at_radius(images[0], images[-1], gradients[-1], product_dtype=product_dtype)
        back = forth if same else lc2_pairs_at_radius(images[-1], images[0], gradients[0], product_dtype=product_dtype)
        total = total + forth + back.T
    return total * (0.5 / len(DEFAULT_RADII))


class SimilarityBalance:
    """Weights that make every similarity count alike, although most pairs of positions are dissimilar.

    Keeps a moving average of how often each of 20 intervals of [0, 1] occurs.
    """

    def __init__(self, memory: float = 0.98, rarest: float = 0.1) -> None:
        """Begin with all intervals alike.

        Args:
            memory: decay of the moving average per step.
            rarest: intervals rarer than this times the uniform share are not weighted up further.
        """
        self.share = torch.full((_BINS,), 1.0 / _BINS)
        self._memory = memory
        self._rarest = rarest / _BINS

    def weights(self, targets: Tensor) -> Tensor:
        """Count ``targets`` in, and return weights of the same shape, about 1 on average."""
        bins = (targets * _BINS).long().clamp_(0, _BINS - 1)
        here = torch.bincount(bins.flatten().cpu(), minlength=_BINS).float() / targets.numel()
        self.share = self._memory * self.share + (1.0 - self._memory) * here
        table = (1.0 / _BINS) / self.share.clamp_min(self._rarest)
        table = table / (table * self.share).sum()
        return table.to(targets.device)[bins]


def pair_loss(features: Tensor, targets: Tensor, balance: SimilarityBalance) -> Tensor:
    """Balanced mean squared error between dot products of clipped descriptors and targets, pairs with oneself left out.

    Args:
        features: (N, C), as the network gives them.
        targets: (N, N).
        balance: decides how much each pair counts.

    Returns:
        The loss, a scalar.
    """
    clipped = clip_norm(features)
    error = clipped @ clipped.T - targets
    weights = balance.weights(targets)
    weights = weights - torch.diag(torch.diagonal(weights))
    return (weights * error**2).sum() / weights.sum()
