"""Random cells: smooth outlines, placed one by one so that many touch and none overlaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CellLayout", "draw_layout", "place_cells"]

_HARMONICS = 5
_VISIBLE_SHARE = 0.6


@dataclass(frozen=True)
class CellLayout:
    """How the cells of one picture look and lie.

    Attributes:
        radius_px: Mean radius.
        radius_spread: Relative standard deviation of the radii.
        elongation: Largest ratio of the axes.
        roughness: Amplitude of the outline's waves relative to the radius.
        count: Cells to try.
        clustered: Share of cells that are placed beside an earlier one.
    """

    radius_px: float
    radius_spread: float
    elongation: float
    roughness: float
    count: int
    clustered: float


def draw_layout(random: np.random.Generator, size: int) -> CellLayout:
    """Draw the layout of a square picture of ``size`` pixels; now and then it has no cell at all."""
    radius = float(np.exp(random.uniform(np.log(4.5), np.log(24.0))))
    covered = random.uniform(0.03, 0.75) * random.uniform(0.4, 1.0)
    count = int(covered * size**2 / (np.pi * radius**2)) + 1
    return CellLayout(
        radius_px=radius,
        radius_spread=random.uniform(0.05, 0.3),
        elongation=1.0 + random.exponential(0.25),
        roughness=random.uniform(0.0, 0.09),
        count=0 if random.random() < 0.02 else count,
        clustered=random.uniform(0.0, 0.8),
    )


def place_cells(random: np.random.Generator, layout: CellLayout, size: int) -> np.ndarray:
    """Return a (size, size) int32 picture of instances: 0 for background, then 1, 2, 3, ... .

    A cell that lies mostly under earlier ones is left out; one that is cut by the picture's edge stays.
    """
    instances = np.zeros((size, size), np.int32)
    centres: list[tuple[float, float, float]] = []
    number = 0
    for _ in range(layout.count):
        radius = layout.radius_px * float(np.clip(random.normal(1.0, layout.radius_spread), 0.5, 1.8))
        if centres and random.random() < layout.clustered:
            y, x, other = centres[random.integers(len(centres))]
            angle, distance = random.uniform(0, 2 * np.pi), (radius + other) * random.uniform(0.92, 1.1)
            y, x = y + distance * np.sin(angle), x + distance * np.cos(angle)
        else:
            y, x = random.uniform(-0.3 * radius, size + 0.3 * radius, 2)
        box, shape = _outline(random, layout, (y, x), radius, size)
        if shape.size == 0 or not shape.any():
            continue
        free = shape & (instances[box] == 0)
        if free.sum() < _VISIBLE_SHARE * shape.sum() or free.sum() < 9:
            continue
        number += 1
        instances[box][free] = number
        centres.append((y, x, radius))
    return instances


def _outline(
    random: np.random.Generator, layout: CellLayout, centre: tuple[float, float], radius: float, size: int
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return the box around a cell and its mask in there: an ellipse with a wavy outline, so star-shaped."""
    stretch = np.sqrt(random.uniform(1.0, layout.elongation))
    turn = random.uniform(0, np.pi)
    waves = random.normal(0, layout.roughness, _HARMONICS) / np.sqrt(1 + np.arange(_HARMONICS))
    phases = random.uniform(0, 2 * np.pi, _HARMONICS)
    reach = int(np.ceil(radius * stretch * (1 + 2.5 * layout.roughness))) + 2
    low = [max(0, int(place) - reach) for place in centre]
    high = [max(start, min(size, int(place) + reach + 1)) for start, place in zip(low, centre, strict=True)]
    rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
    down, right = rows - centre[0], columns - centre[1]
    along = (right * np.cos(turn) + down * np.sin(turn)) / stretch
    across = (-right * np.sin(turn) + down * np.cos(turn)) * stretch
    angle = np.arctan2(across, along)
    orders = np.arange(2, 2 + _HARMONICS)
    edge = 1.0 + (waves[:, None, None] * np.cos(orders[:, None, None] * angle + phases[:, None, None])).sum(0)
    return (slice(low[0], high[0]), slice(low[1], high[1])), np.hypot(along, across) < radius * edge
