"""Positions whose descriptors are compared: drawn by local variance, most of them shared between contrasts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambamed.registration.similarity.measures import local_variance

__all__ = ["MARGIN_VOXELS", "draw_positions", "gather_cubes", "gather_features", "position_weights"]

MARGIN_VOXELS = 8
"""The largest LC2 cube (radius 7) and one voxel for its gradient; the network's zero padding reaches little further."""

_STRIDE = 4
_WEIGHT_RADIUS = 5
_UNIFORM_SHARE = 0.1


def position_weights(volumes: Tensor) -> Tensor:
    """Probability of each descriptor inside the margin: local variance, and a little everywhere.

    Args:
        volumes: (B, 1, X, Y, Z); a side of 4 k + 1 voxels has k - 3 descriptors inside the margin.

    Returns:
        (B, positions), rows with sum 1.
    """
    inner = [slice(MARGIN_VOXELS, size - MARGIN_VOXELS, _STRIDE) for size in volumes.shape[2:]]
    variance = local_variance(volumes, _WEIGHT_RADIUS)[:, 0, inner[0], inner[1], inner[2]].flatten(1)
    share = variance / variance.sum(dim=1, keepdim=True).clamp_min(1e-12)
    mixed = (1.0 - _UNIFORM_SHARE) * share + _UNIFORM_SHARE / share.shape[1]
    return mixed / mixed.sum(dim=1, keepdim=True)


def draw_positions(
    rng: np.random.Generator, weights: Tensor, count: int, shared: float, contrasts: int = 2
) -> NDArray[np.int64]:
    """Draw positions without repetition in every volume.

    Args:
        rng: source of the draws.
        weights: (B, P) from ``position_weights``; volumes ``contrasts`` by ``contrasts`` belong to one scene.
        count: positions per volume, at most P.
        shared: share of the first contrast's positions that the others of its scene have as well.
        contrasts: volumes per scene.

    Returns:
        (B, count), indices into the second axis of ``weights``.
    """
    drawn = np.empty((weights.shape[0], count), np.int64)
    common = round(shared * count)
    probabilities = weights.double().numpy()
    for index, chances in enumerate(probabilities):
        first = index - index % contrasts
        if index == first:
            drawn[index] = _without_repetition(rng, chances, count)
            continue
        drawn[index, :common] = drawn[first, :common]
        rest = chances.copy()
        rest[drawn[index, :common]] = 0.0
        drawn[index, common:] = _without_repetition(rng, rest, count - common)
    return drawn


def gather_cubes(volumes: Tensor, positions: NDArray[np.int64], radius: int) -> Tensor:
    """Cut the cubes of side 2 r + 1 around positions.

    Args:
        volumes: (B, 1, X, Y, Z).
        positions: (B, N), as from ``draw_positions``.
        radius: at most ``MARGIN_VOXELS``.

    Returns:
        (B * N, (2 r + 1) ** 3).
    """
    side = 2 * radius + 1
    inner = [slice(MARGIN_VOXELS - radius, size - MARGIN_VOXELS + radius) for size in volumes.shape[2:]]
    windows = volumes[:, 0, inner[0], inner[1], inner[2]]
    for axis in (1, 2, 3):
        windows = windows.unfold(axis, side, _STRIDE)
    x, y, z = np.unravel_index(positions, tuple(windows.shape[1:4]))
    batch = np.arange(volumes.shape[0])[:, None]
    chosen = windows[torch.from_numpy(batch), torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(z)]
    return chosen.reshape(-1, side**3)


def gather_features(features: Tensor, positions: NDArray[np.int64]) -> Tensor:
    """Pick the network's outputs (B, C, Q, Q, Q), stride 4, at the positions (B, N) -> (B * N, C).

    The volumes' sides must be 4 k + 1, so that as many outputs lie in the margin at both ends.
    """
    first = MARGIN_VOXELS // _STRIDE
    inner = features[:, :, first:-first, first:-first, first:-first].flatten(2)
    index = torch.from_numpy(positions).to(features.device)[:, None].expand(-1, features.shape[1], -1)
    return inner.gather(2, index).transpose(1, 2).flatten(0, 1)


def _without_repetition(rng: np.random.Generator, probabilities: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Weighted draw without repetition by exponential races (Efraimidis and Spirakis 2006)."""
    with np.errstate(divide="ignore"):
        arrival = rng.exponential(size=probabilities.shape) / probabilities
    return np.asarray(np.argsort(arrival)[:count], np.int64)
