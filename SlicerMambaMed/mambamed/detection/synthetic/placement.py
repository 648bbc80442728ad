"""Find room for objects: inside the picture, in their region, apart from each other."""

from __future__ import annotations

import numpy as np

from mambamed.detection.oriented_box import OrientedBox
from mambamed.detection.synthetic.scene import Border
from mambamed.detection.synthetic.scene import SyntheticObject
from mambamed.detection.synthetic.shapes import KINDS

__all__ = ["SMALLEST_GAP_PX", "Placement"]

SMALLEST_GAP_PX = 1.0
"""Between the boxes of two objects, along the direction that separates them best."""

_GAP_PX = (1.2, 3.0)  # between neighbours in a row
_BORDER_GAP_PX = 1.5
_COLOR_SPREAD = 0.04


class Placement:
    """The objects placed so far, and the drawing of more.

    Attributes:
        objects: In the order of placing.
    """

    def __init__(self, size: tuple[int, int], border: Border, random: np.random.Generator) -> None:
        """Begin with an empty picture of ``size`` pixels along x and y."""
        self.objects: list[SyntheticObject] = []
        self._size = size
        self._border = border
        self._random = random
        self._circles = np.empty((0, 3))  # x, y, radius of a circle around each object

    def add_row(self, label: str, count: int) -> int:
        """Draw a row of objects side by side and place it if there is room for all of it.

        Returns:
            The number of objects placed: ``count`` or 0.
        """
        kind, random = KINDS[label], self._random
        heading = float(random.uniform(0.0, 2.0 * np.pi))
        length = float(random.uniform(*kind.length_px))
        aspect = float(random.uniform(*kind.aspect))
        centre = random.uniform((0.0, 0.0), np.asarray(self._size) - 1.0)
        across = np.array([-np.sin(heading), np.cos(heading)])
        ahead = np.array([np.cos(heading), np.sin(heading)])
        row: list[SyntheticObject] = []
        previous = 0.0
        for index in range(count):
            item_length = float(np.clip(length * random.uniform(0.9, 1.1), *kind.length_px))
            width = item_length / aspect
            turn = float(random.uniform(-1.0, 1.0)) * kind.row_turn_rad
            # Objects turned far against the row take more than their width in it.
            extent = width * abs(np.cos(turn)) + item_length * abs(np.sin(turn))
            if index:
                centre = centre + across * (0.5 * (previous + extent) + random.uniform(*_GAP_PX))
            previous = extent
            middle = centre + ahead * random.uniform(-1.0, 1.0) * kind.row_shift * item_length
            item_heading = heading + turn + (np.pi if random.random() < 0.3 else 0.0)
            box = OrientedBox(float(middle[0]), float(middle[1]), item_length, width, item_heading, label).in_le135()
            color = np.asarray(kind.colors[int(random.integers(len(kind.colors)))])
            red, green, blue = np.clip(color + random.uniform(-_COLOR_SPREAD, _COLOR_SPREAD), 0.0, 1.0).tolist()
            item = SyntheticObject(box, item_heading, (red, green, blue))
            if not self._fits(item, row, kind.first_region):
                return 0
            row.append(item)
        self.objects.extend(row)
        self._circles = np.concatenate((self._circles, [_circle(item.box) for item in row]))
        return len(row)

    def _fits(self, item: SyntheticObject, row: list[SyntheticObject], first_region: bool) -> bool:
        x, y = np.asarray(item.box.corners()).T
        if min(x.min(), y.min()) < 0.0 or x.max() > self._size[0] - 1 or y.max() > self._size[1] - 1:
            return False
        depth = self._border.depth(x, y) * (1.0 if first_region else -1.0)
        if depth.min() < _BORDER_GAP_PX:
            return False
        x_middle, y_middle, radius = _circle(item.box)
        distances = np.hypot(self._circles[:, 0] - x_middle, self._circles[:, 1] - y_middle)
        near = np.flatnonzero(distances < self._circles[:, 2] + radius + SMALLEST_GAP_PX)
        return all(_apart(item.box, other.box) for other in (*(self.objects[index] for index in near), *row))


def _circle(box: OrientedBox) -> tuple[float, float, float]:
    """Return x, y and radius of the smallest circle around a box."""
    return box.cx, box.cy, 0.5 * float(np.hypot(box.w, box.h))


def _apart(one: OrientedBox, other: OrientedBox) -> bool:
    """Tell whether a side of one of two boxes separates them by the smallest gap."""
    corners = [np.asarray(box.corners()) for box in (one, other)]
    for angle in (one.angle_rad, one.angle_rad + np.pi / 2, other.angle_rad, other.angle_rad + np.pi / 2):
        first, second = (points @ np.array([np.cos(angle), np.sin(angle)]) for points in corners)
        if max(first.min() - second.max(), second.min() - first.max()) >= SMALLEST_GAP_PX:
            return True
    return False
