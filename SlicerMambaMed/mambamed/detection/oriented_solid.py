"""The 3D oriented box around an object that was found on several slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["OrientedSolid", "solid_around"]

_MOST_DIRECTIONS = 24


@dataclass(frozen=True, eq=False)
class OrientedSolid:
    """A box in space.

    Attributes:
        centre_lps_mm: (3,).
        axes_lps: (3, 3), rows are unit vectors along the sides, right-handed, the longest side first.
        size_mm: (3,), lengths of the sides, descending.
    """

    centre_lps_mm: np.ndarray
    axes_lps: np.ndarray
    size_mm: np.ndarray


def solid_around(corners_lps_mm: Sequence[np.ndarray], normal_lps: np.ndarray, thickness_mm: float) -> OrientedSolid:
    """Return the smallest of a set of boxes around an object's boxes on slices, each as thick as a slice.

    The set has boxes that stand on the slices (turned as each of the object's boxes) and, for an object that wanders
    from slice to slice, boxes along the line through the centres.

    Args:
        corners_lps_mm: of each of the object's boxes the four corners (4, 3), in order around it.
        normal_lps: unit vector across the slices.
        thickness_mm: distance between slices.
    """
    corners = np.stack(corners_lps_mm)
    half = 0.5 * thickness_mm * normal_lps
    points = np.concatenate([(corners + half).reshape(-1, 3), (corners - half).reshape(-1, 3)])
    step = -(-len(corners) // _MOST_DIRECTIONS)
    sides = [_unit(box[1] - box[0]) for box in corners[::step]] or []
    frames = [np.stack([side, np.cross(normal_lps, side), normal_lps]) for side in sides]
    centres = corners.mean(axis=1)
    if len(centres) > 1:
        along = _unit(np.linalg.svd(centres - centres.mean(axis=0))[2][0])
        # Across the line: along the boxes' sides, as far as those are across it.
        directions = [
            side - (side @ along) * along for side in [*sides, *(np.cross(normal_lps, side) for side in sides)]
        ]
        across = [_unit(direction) for direction in directions if np.linalg.norm(direction) > 0.1]
        frames += [np.stack([along, direction, np.cross(along, direction)]) for direction in across]
    best = min(frames, key=lambda frame: float(np.prod(np.ptp(points @ frame.T, axis=0))))
    return _in_frame(points, best)


def _in_frame(points: np.ndarray, frame: np.ndarray) -> OrientedSolid:
    places = points @ frame.T
    size = np.ptp(places, axis=0)
    centre = 0.5 * (places.min(axis=0) + places.max(axis=0)) @ frame
    order = np.argsort(-size, kind="stable")
    axes = frame[order]
    if np.linalg.det(axes) < 0:
        axes[2] = -axes[2]
    return OrientedSolid(centre, axes, size[order])


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else np.array([1.0, 0.0, 0.0])
