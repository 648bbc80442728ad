"""The regions that are measured, by name, from the label maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mambamed.emphysema.lungs.sides import LEFT
from mambamed.emphysema.lungs.sides import RIGHT
from mambamed.emphysema.lungs.thirds import REGION_NAMES

__all__ = ["WHOLE_LUNG", "Regions"]

WHOLE_LUNG = "whole lung"
_SIDES = {"left lung": LEFT, "right lung": RIGHT}


class Regions(Mapping[str, np.ndarray]):
    """Region name to mask, each made when it is asked for: a dozen masks of a whole CT would fill the memory.

    Args:
        sides: uint8 (z, y, x): 0, 1 left, 2 right.
        thirds: uint8 (z, y, x), values of ``REGION_NAMES``.
        lobes: Lobe name to bool mask, may be empty.
    """

    def __init__(self, sides: np.ndarray, thirds: np.ndarray, lobes: Mapping[str, np.ndarray]) -> None:
        self._sides = sides
        self.thirds = thirds
        self._lobes = dict(lobes)

    def __getitem__(self, name: str) -> np.ndarray:
        if name == WHOLE_LUNG:
            return self._sides > 0
        if name in _SIDES:
            return self._sides == _SIDES[name]
        for value, third in REGION_NAMES.items():
            if third == name:
                return self.thirds == value
        return self._lobes[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        yield WHOLE_LUNG
        yield from _SIDES
        yield from REGION_NAMES.values()
        yield from self._lobes

    def __len__(self) -> int:
        return 1 + len(_SIDES) + len(REGION_NAMES) + len(self._lobes)
