"""Branching trees (arteries, veins, airways) that fill a lung, and the share of each voxel that they take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["grow_tree", "paint_balls", "paint_tree"]

_MURRAY_EXPONENT = 2.7
"""Radii split so that r^2.7 is kept, as measured in lung arteries (Huang et al., J Appl Physiol 81, 1996)."""


def grow_tree(
    start_mm: np.ndarray, radius_mm: float, targets_mm: np.ndarray, smallest_mm: float, random: np.random.Generator
) -> np.ndarray:
    """Grow a binary tree from a point towards a cloud of target points, which is halved at every fork.

    Args:
        start_mm: Root (3,).
        radius_mm: Radius at the root.
        targets_mm: Points (n, 3) that the tree shall reach.
        smallest_mm: Branches thinner than this end.
        random: Of the bends.

    Returns:
        Segments (m, 8): both ends (3 + 3), both radii.
    """
    segments = []
    stack = [(np.asarray(start_mm, dtype=float), radius_mm, targets_mm)]
    while stack:
        start, radius, targets = stack.pop()
        centred = targets - targets.mean(axis=0)
        axis = np.linalg.svd(centred, full_matrices=False)[2][0] if len(targets) > 2 else centred[0]
        along = centred @ axis
        middle = np.quantile(along, random.uniform(0.35, 0.65))
        for part in (targets[along <= middle], targets[along > middle]):
            if len(part) == 0:
                continue
            child_radius = radius * (len(part) / len(targets)) ** (1.0 / _MURRAY_EXPONENT)
            if child_radius < smallest_mm:
                continue
            reach = part.mean(axis=0) - start
            bend = random.normal(0.0, 0.08, 3) * np.linalg.norm(reach)
            end = start + random.uniform(0.38, 0.55) * reach + bend
            segments.append((*start, *end, min(radius, 1.15 * child_radius), child_radius))
            if len(part) > 2:
                stack.append((end, child_radius, part))
    return np.asarray(segments, dtype=np.float64).reshape(-1, 8)


PointsInBox = Callable[[np.ndarray, np.ndarray], tuple[tuple[slice, slice, slice], np.ndarray] | None]
"""Given lowest and highest corner in mm, the voxels in that box (slices, and points (..., 3) in mm), None if none."""


def paint_tree(
    coverage: np.ndarray, segments: np.ndarray, box: PointsInBox, voxel_mm: float, grow_mm: float = 0.0
) -> None:
    """Raise ``coverage`` (share of each voxel, 0 to 1) to what tapered segments take of it.

    Args:
        coverage: Array on the grid of ``box``; changed.
        segments: From ``grow_tree``.
        box: Finds voxels.
        voxel_mm: Size of a voxel, over which edges are spread.
        grow_mm: Added to the radii (walls).
    """
    for segment in segments:
        start, end = segment[:3], segment[3:6]
        first, last = segment[6] + grow_mm, segment[7] + grow_mm
        margin = max(first, last) + voxel_mm
        found = box(np.minimum(start, end) - margin, np.maximum(start, end) + margin)
        if found is None:
            continue
        where, points = found
        direction = end - start
        length_squared = max(float(direction @ direction), 1e-9)
        along = np.clip(((points - start.astype(np.float32)) @ direction.astype(np.float32)) / length_squared, 0.0, 1.0)
        nearest = start.astype(np.float32) + along[..., None] * direction.astype(np.float32)
        distance = np.sqrt(((points - nearest) ** 2).sum(axis=-1))
        _raise(coverage, where, distance, first + along * (last - first), voxel_mm)


def paint_balls(coverage: np.ndarray, balls: np.ndarray, box: PointsInBox, voxel_mm: float) -> None:
    """Raise ``coverage`` to what balls (n, 4: centre, radius in mm) take of each voxel."""
    for ball in balls:
        centre, radius = ball[:3], ball[3]
        found = box(centre - radius - voxel_mm, centre + radius + voxel_mm)
        if found is None:
            continue
        where, points = found
        distance = np.sqrt(((points - centre.astype(np.float32)) ** 2).sum(axis=-1))
        _raise(coverage, where, distance, radius, voxel_mm)


def _raise(
    coverage: np.ndarray,
    where: tuple[slice, slice, slice],
    distance: np.ndarray,
    radius: np.ndarray | float,
    voxel_mm: float,
) -> None:
    """Raise to the share of a voxel at this distance; what is thinner than a voxel fills its cross-section only."""
    radius = np.asarray(radius)
    thick = np.clip((radius - distance) / voxel_mm + 0.5, 0.0, 1.0)
    thin = np.clip(1.0 - distance / voxel_mm, 0.0, 1.0) * np.minimum(1.0, np.pi * np.square(radius) / voxel_mm**2)
    share = np.where(2.0 * radius < voxel_mm, thin, thick)
    np.maximum(coverage[where], share, out=coverage[where])
