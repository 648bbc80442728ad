"""Lungs from a chest CT: region growing and morphology on a coarse grid, borders decided on the full one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mambamed.emphysema.lungs.airways import find_airways
from mambamed.emphysema.lungs.body import AIR_BELOW_HU
from mambamed.emphysema.lungs.body import inner_air
from mambamed.emphysema.lungs.body import largest_tissue
from mambamed.emphysema.lungs.morphology import closed
from mambamed.emphysema.lungs.morphology import fill_slices
from mambamed.emphysema.lungs.morphology import grown
from mambamed.emphysema.lungs.sides import LEFT
from mambamed.emphysema.lungs.sides import RIGHT
from mambamed.emphysema.lungs.sides import choose_lungs
from mambamed.emphysema.lungs.sides import split_sides
from mambamed.emphysema.lungs.work_grid import WorkGrid
from mambamed.emphysema.lungs.work_grid import clean_hu
from mambamed.emphysema.lungs.work_grid import make_work_grid
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["LungSegmentation", "segment_lungs"]

_CLOSING_MM = 5.0
"""Vessels and small bronchi up to a centimetre thick belong to the lung; the hilum does not."""

_TRACHEA_CORE_MM = 3.0


@dataclass(frozen=True)
class LungSegmentation:
    """Lungs and airways on the CT's own grid.

    Attributes:
        sides: uint8 (z, y, x): 0, 1 left, 2 right; airways removed.
        airways: bool (z, y, x): trachea and main airways.
        trachea_core: bool (z, y, x): lumen of the trachea, away from its wall; empty if none was found.
    """

    sides: np.ndarray
    airways: np.ndarray
    trachea_core: np.ndarray


def segment_lungs(
    ct_hu: np.ndarray, spacing_mm: tuple[float, float, float], reporter: Reporter | None = None
) -> LungSegmentation:
    """Find lungs, sides, trachea and main airways.

    Args:
        ct_hu: HU, (z, y, x), z towards the head, y towards the back, x towards the patient's left.
        spacing_mm: (z, y, x).
        reporter: Told the progress; asked whether to stop.

    Returns:
        The segmentation; ``sides`` is empty where no lungs were found.
    """
    report = reporter if reporter is not None else NullReporter()
    cleaned = clean_hu(ct_hu)
    grid = make_work_grid(ct_hu, spacing_mm)
    report.progress("finding the body", 0.1)
    tissue = largest_tissue(grid)
    air = inner_air(grid, tissue)
    report.check_cancelled()
    report.progress("finding the airways", 0.25)
    airways = find_airways(grid, air, tissue)
    report.check_cancelled()
    report.progress("finding the lungs", 0.4)
    lungs = choose_lungs(air & ~airways.mask, grid)
    sides = split_sides(lungs, grid, _midline(tissue))
    report.check_cancelled()
    report.progress("closing the lungs", 0.6)
    sides = _close_sides(sides, airways.mask, _outside(grid, air), grid)
    report.check_cancelled()
    report.progress("drawing the borders", 0.8)
    return _refined(sides, airways.mask, airways.trachea, cleaned, grid, spacing_mm)


def _midline(tissue: np.ndarray) -> float:
    """Column in the middle of the body."""
    columns = np.flatnonzero(tissue.any(axis=(0, 1)))
    return 0.5 * float(columns[0] + columns[-1]) if len(columns) else 0.0


def _outside(grid: WorkGrid, inner: np.ndarray) -> np.ndarray:
    """Air around the patient and what lies outside the field of view."""
    return ((grid.hu < AIR_BELOW_HU) | grid.padding) & ~inner


def _close_sides(sides: np.ndarray, airways: np.ndarray, outside: np.ndarray, grid: WorkGrid) -> np.ndarray:
    """Add vessels, walls of bullae and holes to each lung; nothing moves from one side to the other."""
    result = sides.copy()
    for side in (LEFT, RIGHT):
        lung = sides == side
        if lung.any():
            whole = fill_slices(closed(lung, _CLOSING_MM, grid.spacing_mm))
            result[whole & (result == 0) & ~airways & ~outside] = side
    return result


def _refined(
    sides: np.ndarray,
    airways: np.ndarray,
    trachea: np.ndarray,
    cleaned: np.ndarray,
    grid: WorkGrid,
    spacing_mm: tuple[float, float, float],
) -> LungSegmentation:
    """Bring the coarse masks to the full grid and let each voxel near a border decide by its own value."""
    core = grid.to_full(_core(trachea, grid)) if trachea.any() else np.zeros(grid.shape, dtype=bool)
    if grid.factors == (1, 1, 1):
        return LungSegmentation(sides, airways, core)
    full_sides = np.zeros(grid.shape, dtype=np.uint8)
    near_airways = grid.to_full(grown(airways, max(grid.spacing_mm[1:]), grid.spacing_mm))
    coarse_airways = grid.to_full(airways)
    both = sides > 0
    if both.any():
        cross = ndimage.generate_binary_structure(3, 1)
        widened = np.where(both, sides, ndimage.grey_dilation(sides, footprint=cross))
        nearest_side = grid.to_full(widened)
        inner = grid.to_full(ndimage.binary_erosion(both, border_value=1))
        outer = nearest_side > 0
        smooth = ndimage.gaussian_filter(cleaned.astype(np.float32), [0.7 / spacing for spacing in spacing_mm])
        air = smooth < AIR_BELOW_HU
        lung = (inner | (outer & air)) & ~coarse_airways
        full_sides[lung] = nearest_side[lung]
    full_airways = (coarse_airways | near_airways) & (cleaned < AIR_BELOW_HU) & (full_sides == 0)
    return LungSegmentation(full_sides, full_airways, core)


def _core(trachea: np.ndarray, grid: WorkGrid) -> np.ndarray:
    """Return the trachea's lumen away from its wall, in the plane; at least its innermost voxels."""
    core = np.zeros_like(trachea)
    for index in np.flatnonzero(trachea.any(axis=(1, 2))):
        depth = ndimage.distance_transform_edt(trachea[index], grid.spacing_mm[1:])
        core[index] = depth >= min(_TRACHEA_CORE_MM + 0.5 * max(grid.spacing_mm[1:]), float(depth.max()))
    return core
