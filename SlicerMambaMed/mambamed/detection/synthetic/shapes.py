"""The outlines of the kinds of objects, in their own box, and how large each kind is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["KINDS", "Kind", "opacity"]


@dataclass(frozen=True)
class Kind:
    """How objects with one label are drawn.

    Attributes:
        length_px: Shortest and longest.
        aspect: Smallest and largest ratio of length to width.
        colors: Mean colours that it can have, 0 to 1.
        first_region: Whether it lies in the first region of a scene or in the second.
        row_turn_rad: How far objects in one row may be turned against the row, at most.
        row_shift: How far they may be moved along their heading out of the row, at most, relative to their length.
    """

    length_px: tuple[float, float]
    aspect: tuple[float, float]
    colors: tuple[tuple[float, float, float], ...]
    first_region: bool
    row_turn_rad: float
    row_shift: float


KINDS = {
    "ship": Kind(
        (12.0, 30.0), (3.0, 4.5), ((0.88, 0.88, 0.86), (0.72, 0.73, 0.75), (0.78, 0.5, 0.42)), True, 0.06, 0.08
    ),
    "vehicle": Kind(
        (6.0, 14.0),
        (1.7, 2.2),
        ((0.93, 0.93, 0.93), (0.78, 0.79, 0.8), (0.07, 0.07, 0.09), (0.8, 0.1, 0.1), (0.1, 0.2, 0.65)),
        False,
        0.08,
        0.08,
    ),
    "nodule": Kind((6.0, 16.0), (1.15, 1.6), ((0.7, 0.7, 0.7), (0.6, 0.6, 0.6)), True, 1.57, 0.6),
    "vessel": Kind((12.0, 30.0), (3.5, 5.0), ((0.62, 0.62, 0.62), (0.72, 0.72, 0.72)), True, 0.12, 0.15),
    "needle": Kind((18.0, 30.0), (7.0, 9.0), ((0.97, 0.97, 0.97),), True, 0.05, 0.08),
}
"""By label. Lengths lie within 6 to 30 pixels."""


def opacity(label: str, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return how much of an object is at points in its box, 0 (nothing) to 1.

    Args:
        label: One of ``KINDS``.
        along: Positions along the heading, -1 at the back side of the box, 1 at the front side.
        across: Positions across, -1 to 1.

    Returns:
        Of the points' shape; 0 everywhere outside the box. Each outline reaches all four sides.
    """
    return np.where(np.maximum(np.abs(along), np.abs(across)) <= 1.0, _SHAPES[label](along, across), 0.0)


def _ship(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Pointed bow, narrow stern, superstructure aft."""
    half_width = np.interp(along, (-1.0, -0.6, 0.25, 0.6, 0.85, 1.0), (0.75, 1.0, 1.0, 0.8, 0.45, 0.1))
    superstructure = (np.abs(along + 0.45) < 0.2) & (np.abs(across) < 0.6)
    return np.where(np.abs(across) <= half_width, np.where(superstructure, 0.6, 1.0), 0.0)


def _vehicle(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Rounded corners, windscreen and rear window."""
    windows = (np.abs(across) < 0.75) & ((np.abs(along - 0.35) < 0.15) | (np.abs(along + 0.65) < 0.1))
    return np.where(along**6 + across**6 <= 1.0, np.where(windows, 0.35, 1.0), 0.0)


def _nodule(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Ellipsoid: the thinner towards the rim, the fainter."""
    thickness = np.maximum(1.0 - along**2 - across**2, 0.0)
    return np.where(thickness > 0.0, 0.4 + 0.6 * np.sqrt(thickness), 0.0)


def _vessel(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Tube that tapers towards the front, with rounded ends."""
    radius = np.interp(along, (-0.6, 1.0), (1.0, 0.6))
    thickness = np.maximum(1.0 - (across / radius) ** 2 - along**8, 0.0)
    return np.where(thickness > 0.0, 0.35 + 0.65 * np.sqrt(thickness), 0.0)


def _needle(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Thin shaft with a point in front and a hub behind."""
    half_width = np.interp(along, (-1.0, -0.72, -0.7, 0.85, 1.0), (1.0, 1.0, 0.55, 0.55, 0.15))
    return np.where(np.abs(across) <= half_width, 1.0, 0.0)


_SHAPES = {"ship": _ship, "vehicle": _vehicle, "nodule": _nodule, "vessel": _vessel, "needle": _needle}
