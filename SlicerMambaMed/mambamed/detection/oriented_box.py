"""One oriented object in an image, as a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["OrientedBox"]

_NUMBERS = ("cx", "cy", "w", "h", "angle_rad", "score")


@dataclass(frozen=True)
class OrientedBox:
    """A rectangle turned about its centre, with the name of what it holds.

    The image's x axis points to the right along columns, y down along rows; a positive angle turns x towards y. The
    side ``w`` lies along the direction ``angle_rad``, the side ``h`` across it.

    Attributes:
        cx: x of the centre, pixels.
        cy: y of the centre, pixels.
        w: length of the side along ``angle_rad``, pixels, at least 0.
        h: length of the other side, pixels, at least 0.
        angle_rad: direction of ``w``, radians.
        label: name of the kind of object.
        score: confidence, between 0 and 1; 1 for an annotation.
    """

    cx: float
    cy: float
    w: float
    h: float
    angle_rad: float
    label: str
    score: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that describe no rectangle."""
        for name in _NUMBERS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise BadRequestError(f"An oriented box has {name} = {value!r}; give a finite number.")
        if self.w < 0 or self.h < 0:
            raise BadRequestError(f"An oriented box has the sides {self.w} and {self.h} pixels; give no negative side.")
        if not 0 <= self.score <= 1:
            raise BadRequestError(f"An oriented box has the score {self.score}; give one between 0 and 1.")
        if not isinstance(self.label, str):
            raise BadRequestError(f"An oriented box has the label {self.label!r}; give a text.")

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.w * self.h

    @property
    def length(self) -> float:
        """The longer side in pixels."""
        return max(self.w, self.h)

    @property
    def width(self) -> float:
        """The shorter side in pixels."""
        return min(self.w, self.h)

    def corners(self) -> tuple[tuple[float, float], ...]:
        """Return the four corners (x, y) in pixels, in order around the box.

        The first is at (-w/2, -h/2) in the box's own axes, the second at (+w/2, -h/2).
        """
        cosine, sine = math.cos(self.angle_rad), math.sin(self.angle_rad)
        halves = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
        local = [(along * self.w, across * self.h) for along, across in halves]
        return tuple((self.cx + x * cosine - y * sine, self.cy + x * sine + y * cosine) for x, y in local)

    def in_le135(self) -> OrientedBox:
        """Return the same rectangle with ``w`` its longer side and the angle in [-pi/4, 3pi/4)."""
        swap = self.h > self.w
        angle = self.angle_rad + (math.pi / 2 if swap else 0.0)
        turned = (angle + math.pi / 4) % math.pi - math.pi / 4
        if turned >= 3 * math.pi / 4:  # the remainder of a tiny negative number rounds up to pi
            turned = -math.pi / 4
        return replace(self, w=self.length, h=self.width, angle_rad=turned)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> OrientedBox:
        """Build a box from ``to_json``'s fields.

        Raises:
            BadRequestError: a field is unknown, missing or impossible.
        """
        known = {*_NUMBERS, "label"}
        unknown = sorted(str(name) for name in set(fields) - known)
        missing = sorted(known - {"score"} - set(fields))
        if unknown or missing:
            problems = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(unknown)}"] * bool(unknown)
            raise BadRequestError(
                f"An oriented box {' and '.join(problems)}; its fields are {', '.join(sorted(known))}."
            )
        return cls(**fields)
