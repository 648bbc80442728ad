"""Boxes of neighbouring slices that mean the same object."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.detection.inference import BoxesWithScores

__all__ = ["link_boxes"]


def link_boxes(found: Mapping[int, BoxesWithScores], *, overlap: float, gap: int) -> list[list[tuple[int, int]]]:
    """Link boxes of one label over slices, the best overlaps first.

    Going through the slices in order, the pairs of a chain's last box and a box of the slice are taken by descending
    overlap; a chain gets at most one box of a slice. A box without a partner begins a chain.

    Args:
        found: boxes of each slice, by its number, all in the same pixels.
        overlap: least intersection over union, above 0.
        gap: slices without a box that a chain may pass over.

    Returns:
        Chains of (slice, position among the slice's boxes), in the order of their first boxes; each box is in one.
    """
    chains: list[list[tuple[int, int]]] = []
    for number in sorted(found):
        here = found[number]
        free = set(range(len(here)))
        open_chains = [chain for chain in chains if number - chain[-1][0] <= gap + 1]
        if open_chains and len(here):
            ends = BoxesWithScores.joined([found[chain[-1][0]][torch.tensor([chain[-1][1]])] for chain in open_chains])
            iou = rotated_iou(ends.boxes, here.boxes)
            iou = torch.where(ends.labels[:, None] == here.labels[None], iou, 0.0)
            pairs = (iou >= overlap).nonzero()
            order = torch.sort(iou[pairs[:, 0], pairs[:, 1]], descending=True, stable=True).indices
            taken: set[int] = set()
            for chain_number, position in pairs[order].tolist():
                if chain_number not in taken and position in free:
                    open_chains[chain_number].append((number, position))
                    taken.add(chain_number)
                    free.discard(position)
        chains += [[(number, position)] for position in sorted(free)]
    return chains
