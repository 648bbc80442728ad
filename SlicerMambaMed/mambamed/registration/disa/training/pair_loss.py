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

    def __init__(self, memory: float = 0.95, rarest: float = 0.02) -> None:
        """Begin with all intervals alike.

        Args:
            memory: decay of the moving average per step.
            rarest: intervals rarer than this times the uniform share are not weighted up further.
        """
        self.share = torch.full((_BINS,), 1.0 / _BINS)
        self._memory = memory
        self._rarest = rarest / _BINS

    def weights(self, targets: Tensor) -> Tensor:
        """Count ``targets`` (N, N) in, and return their weights: sum 1, the diagonal (pairs with oneself) 0."""
        bins = (targets * _BINS).long().clamp_(0, _BINS - 1)
        counts = torch.bincount(bins.flatten(), minlength=_BINS) - torch.bincount(bins.diagonal(), minlength=_BINS)
        here = (counts / counts.sum()).cpu()
        self.share = self._memory * self.share + (1.0 - self._memory) * here
        weights = (1.0 / self.share.clamp_min(self._rarest / _BINS)).to(targets.device)[bins]
        weights = weights - torch.diag(weights.diagonal())
        return weights / weights.sum()


def pair_loss(
    features: Tensor, targets: Tensor, balance: SimilarityBalance, offset_weight: float = 1.0
) -> tuple[Tensor, float]:
    """Balanced mean squared error between dot products of clipped descriptors and targets, pairs with oneself left out.

    Args:
        features: (N, C), as the network gives them.
        targets: (N, N).
        balance: decides how much each pair counts.
        offset_weight: how much the square of the mean error counts beside the variance of the error; with 1 the loss is
            the mean squared error. With less, descriptors are not rewarded for being all alike, which is how the mean
            is hit first, and from which they part slowly.

    Returns:
        The loss, a scalar; and the share of the targets' balanced variance that is explained, a shift aside.
    """
    clipped = clip_norm(features)
    weights = balance.weights(targets)
    error = clipped @ clipped.T - targets
    offset = (weights * error).sum()
    spread = (weights * (error - offset) ** 2).sum()
    mean = (weights * targets).sum()
    variance = (weights * (targets - mean) ** 2).sum()
    return spread + offset_weight * offset**2, float(1.0 - spread.detach() / variance)
