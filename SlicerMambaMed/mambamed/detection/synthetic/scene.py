"""Everything that was drawn at random for one picture; the picture follows from it without chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mambamed.detection.oriented_box import OrientedBox

__all__ = ["Border", "Scene", "SyntheticObject"]

Color = tuple[float, float, float]


@dataclass(frozen=True)
class SyntheticObject:
    """One object of a scene.

    Attributes:
        box: The smallest rectangle around the object, in le135; ``w`` is its length.
        heading_rad: Where its front points, from x towards y: the box's angle or the opposite one.
        color: Red, green and blue, 0 to 1.
    """

    box: OrientedBox
    heading_rad: float
    color: Color


@dataclass(frozen=True)
class Border:
    """The straight line between a picture's two regions: a shore, or the inner side of the chest wall.

    Attributes:
        x: Of a point on the line, pixels.
        y: Of that point.
        normal_rad: Direction into the first region (water, lung).
    """

    x: float
    y: float
    normal_rad: float

    def depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return how far points lie in the first region, pixels; negative in the second."""
        return (x - self.x) * np.cos(self.normal_rad) + (y - self.y) * np.sin(self.normal_rad)


@dataclass(frozen=True, eq=False)
class Scene:
    """What is in one picture. The centre of the pixel in column i and row j is at x = i, y = j.

    Attributes:
        size: Pixels along x and y.
        objects: None covers or touches another.
        border: Between the two regions.
        colors: Of the first region and of the second, 0 to 1.
        texture: Standard normal numbers (y, x), float32, from which the regions' texture is made.
        noise: Standard normal numbers (y, x), float32, for the noise of single pixels.
        noise_level: Standard deviation of that noise, relative to the full range of grey values.
    """

    size: tuple[int, int]
    objects: tuple[SyntheticObject, ...]
    border: Border
    colors: tuple[Color, Color]
    texture: np.ndarray
    noise: np.ndarray
    noise_level: float
