"""Upper, middle and lower thirds: three parts of equal volume, cut across the patient's long axis."""

from __future__ import annotations

import numpy as np

from mambamed.emphysema.lungs.sides import LEFT
from mambamed.emphysema.lungs.sides import RIGHT

__all__ = ["REGION_NAMES", "split_thirds"]

REGION_NAMES = {
    1: "left upper third",
    2: "left middle third",
    3: "left lower third",
    4: "right upper third",
    5: "right middle third",
    6: "right lower third",
}


def split_thirds(sides: np.ndarray, height_step_mm: tuple[float, float, float]) -> np.ndarray:
    """Divide both lungs at two heights, the same for left and right, into thirds of equal volume together.

    Args:
        sides: uint8 (z, y, x): 0, ``LEFT``, ``RIGHT``.
        height_step_mm: How much higher (towards the head) one step along each array axis leads; (dz, 0, 0) unless the
            scan is oblique.

    Returns:
        uint8 (z, y, x) with the keys of ``REGION_NAMES``.
    """
    regions = np.zeros_like(sides)
    places = np.nonzero(sides)
    if not len(places[0]):
        return regions
    heights = sum(index * float(step) for index, step in zip(places, height_step_mm, strict=True))
    lower, upper = np.quantile(heights, [1.0 / 3.0, 2.0 / 3.0])
    part = np.where(heights > upper, 1, np.where(heights > lower, 2, 3)).astype(np.uint8)
    side = sides[places]
    regions[places] = np.where(side == LEFT, part, part + np.uint8(3)) * ((side == LEFT) | (side == RIGHT))
    return regions
