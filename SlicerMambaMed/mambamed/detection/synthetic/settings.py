"""Settings of synthetic pictures of tiny objects, checked once. Standard library only."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["DOMAINS", "SPLITS", "SyntheticSettings"]

DOMAINS = {"aerial": ("ship", "vehicle"), "ct": ("nodule", "vessel", "needle")}
"""The labels of the objects in each kind of picture."""

SPLITS = ("train", "test")
"""The position of a split is part of its pictures' seeds, so no picture is in two splits."""

_SMALLEST_SIDE = 64
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class SyntheticSettings:
    """What a set of synthetic pictures is. Equal settings make equal pictures.

    Attributes:
        domain: ``aerial`` (ships on water and vehicles on land) or ``ct`` (nodules, vessels and needles in lung).
        size: Pixels along x and y, each from 64 to 4096.
        seed: Of everything that is drawn, 0 or more.
        density: Objects wanted in 10,000 square pixels, above 0 and at most 40; fewer are placed where no room is left.
        crowded_share: Share of the objects' groups that are rows of up to seven objects, 0 to 1; the rest stand alone.
        noise: Standard deviation of a picture's noise relative to the full range of grey values, on average, 0 to 0.3.
            Each picture has between half and one and a half times as much.
    """

    domain: str = "aerial"
    size: tuple[int, int] = (128, 128)
    seed: int = 0
    density: float = 14.0
    crowded_share: float = 0.5
    noise: float = 0.06

    def __post_init__(self) -> None:
        """Refuse what makes no pictures.

        Raises:
            BadRequestError: A value is out of range.
        """
        if self.domain not in DOMAINS:
            raise BadRequestError(f"The domain is {self.domain!r}; expected one of: {', '.join(DOMAINS)}.")
        sides = [side for side in self.size if isinstance(side, int) and _SMALLEST_SIDE <= side <= _LARGEST_SIDE]
        if len(self.size) != 2 or len(sides) != 2:
            raise BadRequestError(
                f"The size is {self.size}; expected two whole numbers from {_SMALLEST_SIDE} to {_LARGEST_SIDE} pixels."
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise BadRequestError(f"The seed is {self.seed!r}; expected a whole number of at least 0.")
        for name, low, high in (("density", 0.0, 40.0), ("crowded_share", 0.0, 1.0), ("noise", 0.0, 0.3)):
            value = getattr(self, name)
            if not math.isfinite(value) or not low <= value <= high:
                raise BadRequestError(f"The {name} is {value}; expected {low} to {high}.")
        if self.density == 0.0:
            raise BadRequestError("The density is 0; expected more than 0 objects in 10,000 square pixels.")

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the objects in these pictures."""
        return DOMAINS[self.domain]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**dataclasses.asdict(self), "size": list(self.size)}
