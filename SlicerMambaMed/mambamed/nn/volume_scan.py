"""Orders in which a selective scan runs through a volume, and the way back.

A volume (B, C, X, Y, Z) becomes several sequences (B, directions, C, X*Y*Z), one per direction; after the scan each
sequence is put back in place and all are added.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["AXIS_ORDERS", "gather_directions", "merge_directions", "merge_directions_as_published"]

AXIS_ORDERS: dict[int, tuple[tuple[int, int, int], ...]] = {
    # Axis 2 is the fastest in both orders: the four directions of VMambaMorph's public code.
    4: ((0, 1, 2), (1, 0, 2)),
    # Each axis is the fastest once: a cross-scan that treats the three axes alike.
    6: ((0, 1, 2), (1, 2, 0), (2, 0, 1)),
}
"""Number of directions -> orders of the axes, slowest first; every order runs forward and backward."""


def gather_directions(volume: Tensor, orders: Sequence[tuple[int, int, int]]) -> Tensor:
    """Unroll (B, C, X, Y, Z) -> (B, 2 * len(orders), C, X*Y*Z): all orders forward, then all backward."""
    forward = torch.stack([volume.permute(0, 1, *(2 + axis for axis in order)).flatten(2) for order in orders], dim=1)
    return torch.cat((forward, forward.flip(-1)), dim=1)


def merge_directions(sequences: Tensor, orders: Sequence[tuple[int, int, int]], shape: Sequence[int]) -> Tensor:
    """Put every sequence of ``gather_directions`` back in place and add them up -> (B, C, X, Y, Z)."""
    folded = _add_backward_halves(sequences)
    total = torch.zeros((), dtype=sequences.dtype, device=sequences.device)
    for index, order in enumerate(orders):
        grid = folded[:, index].unflatten(-1, [shape[axis] for axis in order])
        total = total + grid.permute(0, 1, *(2 + order.index(axis) for axis in range(3)))
    return total


def merge_directions_as_published(sequences: Tensor, shape: Sequence[int]) -> Tensor:
    """Merge the four directions as VMambaMorph's public code does, which scrambles two of them.

    The sequences with axes 0 and 1 swapped are viewed as (channels * axis 2) planes of axis 1 x axis 0, and those
    planes
    are transposed; right would be to undo the swap of axes. Kept so that published weights give their own numbers.
    """
    folded = _add_backward_halves(sequences)
    batch, _, channels, length = folded.shape
    planes = folded[:, 1].reshape(batch, channels * shape[2], shape[1], shape[0])
    scrambled = planes.transpose(2, 3).reshape(batch, channels, length)
    return (folded[:, 0] + scrambled).unflatten(-1, list(shape))


def _add_backward_halves(sequences: Tensor) -> Tensor:
    forward, backward = sequences.chunk(2, dim=1)
    return forward + backward.flip(-1)
