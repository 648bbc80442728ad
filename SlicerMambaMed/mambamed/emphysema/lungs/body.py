"""The body in a chest CT: what encloses the lungs, without the table, clothes and the air around."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mambamed.emphysema.lungs.morphology import components_by_size
from mambamed.emphysema.lungs.morphology import fill_slices
from mambamed.emphysema.lungs.morphology import grown
from mambamed.emphysema.lungs.morphology import shrunk
from mambamed.emphysema.lungs.work_grid import WorkGrid

__all__ = ["AIR_BELOW_HU", "body_mask", "largest_tissue"]

AIR_BELOW_HU = -500.0
"""Half-way between air-filled lung and soft tissue: the threshold of region growing."""

_TISSUE_ABOVE_HU = -300.0
_THIN_MM = 2.5
"""Half the thickness of what is not body: table tops, blankets, cables."""


def largest_tissue(grid: WorkGrid) -> np.ndarray:
    """Return the largest connected piece of soft tissue, bool (z, y, x), not filled."""
    tissue = grid.hu > _TISSUE_ABOVE_HU
    core = shrunk(tissue, _THIN_MM, grid.spacing_mm)
    numbers, sizes = components_by_size(core)
    if not sizes:
        return np.zeros_like(tissue)
    return grown(numbers == sizes[0][0], _THIN_MM + max(grid.spacing_mm[1:]), grid.spacing_mm) & tissue


def body_mask(grid: WorkGrid) -> np.ndarray:
    """Return the body with all air inside it, bool (z, y, x).

    In each slice the air that is connected to the picture's edge is outside, the rest is inside. Gaps of the body wall
    that are narrower than a centimetre do not open it.
    """
    tissue = largest_tissue(grid)
    disc = _disc(5.0, grid.spacing_mm)
    filled = np.zeros_like(tissue)
    for index in np.flatnonzero(tissue.any(axis=(1, 2))):
        whole = ndimage.binary_fill_holes(tissue[index])
        margin = disc.shape[0] // 2, disc.shape[1] // 2
        padded = np.pad(tissue[index], [(width, width) for width in margin])
        bridged = ndimage.binary_fill_holes(ndimage.binary_closing(padded, disc))
        inner = bridged[margin[0] : bridged.shape[0] - margin[0], margin[1] : bridged.shape[1] - margin[1]]
        filled[index] = whole | inner
    return fill_slices(filled)


def _disc(radius_mm: float, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return a disc in the plane of a slice."""
    reach = [max(1, int(radius_mm / spacing)) for spacing in spacing_mm[1:]]
    y, x = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return (y * spacing_mm[1]) ** 2 + (x * spacing_mm[2]) ** 2 <= max(radius_mm, *spacing_mm[1:]) ** 2
