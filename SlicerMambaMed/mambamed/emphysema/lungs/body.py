"""Air inside the body in a chest CT: lungs, airways and gas, without the table, clothes and the air around."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mambamed.emphysema.lungs.morphology import components_by_size
from mambamed.emphysema.lungs.morphology import grown
from mambamed.emphysema.lungs.morphology import shrunk
from mambamed.emphysema.lungs.work_grid import WorkGrid

__all__ = ["AIR_BELOW_HU", "enclosed_by", "inner_air", "largest_tissue"]

AIR_BELOW_HU = -500.0
"""Half-way between air-filled lung and soft tissue: the threshold of region growing."""

_TISSUE_ABOVE_HU = -300.0
_THIN_MM = 2.5
"""Half the thickness of what is not body: table tops, blankets, cables."""

_OUTER_AIR_HU = -965.0
"""Three quarters of the air around a patient are below this; of a lung, even with emphysema, much less is."""

_ENCLOSED_PART = 0.5


def largest_tissue(grid: WorkGrid) -> np.ndarray:
    """Return the largest connected piece of soft tissue, bool (z, y, x), not filled."""
    tissue = grid.hu > _TISSUE_ABOVE_HU
    core = shrunk(tissue, _THIN_MM, grid.spacing_mm)
    numbers, sizes = components_by_size(core)
    if not sizes:
        return np.zeros_like(tissue)
    return grown(numbers == sizes[0][0], _THIN_MM + max(grid.spacing_mm[1:]), grid.spacing_mm) & tissue


def enclosed_by(tissue: np.ndarray) -> np.ndarray:
    """Return what has tissue on both sides, to the left and right or in front and behind, in its slice.

    A lung that the field of view cuts open on one side is enclosed in this sense; the table is not.
    """
    result = np.zeros_like(tissue)
    for axis in (1, 2):
        before = np.logical_or.accumulate(tissue, axis=axis)
        after = np.flip(np.logical_or.accumulate(np.flip(tissue, axis), axis=axis), axis)
        result |= before & after
    return result


def inner_air(grid: WorkGrid, tissue: np.ndarray) -> np.ndarray:
    """Return the air inside the body.

    In each slice a piece of air belongs to the body if most of it is enclosed by tissue. A piece that reaches the edge
    of the picture or of the field of view is air around the patient, unless it is too dense for that: then it is lung
    that the field of view has cut.

    Args:
        grid: The volume.
        tissue: What ``largest_tissue`` gave.

    Returns:
        bool (z, y, x).
    """
    enclosed = enclosed_by(tissue)
    air = (grid.hu < AIR_BELOW_HU) & ~grid.padding
    result = np.zeros_like(air)
    for index in np.flatnonzero(air.any(axis=(1, 2))):
        numbers, count = ndimage.label(air[index])
        sizes = np.bincount(numbers.ravel(), minlength=count + 1)
        inside = np.bincount(numbers[enclosed[index]], minlength=count + 1)
        keep = inside >= _ENCLOSED_PART * sizes
        keep[0] = False
        for number in _reaching_the_edge(numbers, grid.padding[index]):
            if keep[number]:
                values = grid.hu[index][numbers == number]
                keep[number] = float(np.percentile(values, 75.0)) > _OUTER_AIR_HU
        result[index] = keep[numbers]
    return result


def _reaching_the_edge(numbers: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Return the numbers of the pieces at the picture's edge, or beside what lies outside the field of view."""
    edge = [numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]
    if padding.any():
        edge.append(numbers[ndimage.binary_dilation(padding)])
    found = np.unique(np.concatenate(edge))
    return found[found > 0]
