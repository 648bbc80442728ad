"""Left and right lung, also where both touch at the anterior or posterior junction."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from mambamed.emphysema.lungs.morphology import components_by_size
from mambamed.emphysema.lungs.morphology import distance_to_mm
from mambamed.emphysema.lungs.work_grid import WorkGrid

__all__ = ["LEFT", "RIGHT", "choose_lungs", "split_sides"]

LEFT = 1
RIGHT = 2

_SMALLEST_LUNG_ML = 150.0
_SMALLEST_PART_OF_BOTH = 0.08
_SHRINKING_MM = (3.0, 5.0, 7.0, 9.0, 12.0, 15.0, 19.0, 24.0)
_BOWEL_GAS_HU = -970.0


def choose_lungs(candidates: np.ndarray, grid: WorkGrid) -> np.ndarray:
    """Choose, among the pieces of air in the body, those that are lung.

    Gas in stomach and bowel is one value without texture and lies at the lower end; lungs are the largest pieces and
    overlap each other in height.

    Args:
        candidates: bool (z, y, x), air in the body without airways.
        grid: The volume.

    Returns:
        bool (z, y, x), one or two lungs and their separate parts; empty if there are none.
    """
    numbers, sizes = components_by_size(candidates)
    chosen = np.zeros_like(candidates)
    main_span: tuple[int, int] | None = None
    main_ml = 0.0
    for number, voxels in sizes:
        millilitres = voxels * grid.voxel_ml
        if millilitres < 2.0:
            break
        piece = numbers == number
        levels = np.flatnonzero(piece.any(axis=(1, 2)))
        if main_span is None:
            if millilitres < _SMALLEST_LUNG_ML:
                break
            if _is_gas(piece, grid):
                continue
            main_span = int(levels[0]), int(levels[-1])
            main_ml = millilitres
            chosen |= piece
            continue
        inside = np.count_nonzero((levels >= main_span[0]) & (levels <= main_span[1])) / len(levels)
        is_second_lung = millilitres > max(_SMALLEST_LUNG_ML, _SMALLEST_PART_OF_BOTH * main_ml)
        if inside >= 0.5 and not _is_gas(piece, grid) and (is_second_lung or _lies_beside(piece, chosen, grid)):
            chosen |= piece
    return chosen


def _is_gas(piece: np.ndarray, grid: WorkGrid) -> bool:
    """Tell whether a piece is free gas: almost all of it, away from its surface, is as thin as air."""
    core = ndimage.binary_erosion(piece)
    values = grid.hu[core if core.any() else piece]
    return float(np.percentile(values, 75)) < _BOWEL_GAS_HU


def _lies_beside(piece: np.ndarray, lungs: np.ndarray, grid: WorkGrid) -> bool:
    """Tell whether most of a small piece's surroundings within 5 mm are lung: a part of it cut off by a wall."""
    (box,) = ndimage.find_objects(piece.astype(np.uint8))
    reach = [int(np.ceil(5.0 / spacing)) + 1 for spacing in grid.spacing_mm]
    near = tuple(slice(max(0, part.start - width), part.stop + width) for part, width in zip(box, reach, strict=True))
    shell = distance_to_mm(piece[near], grid.spacing_mm) <= 5.0
    shell &= ~piece[near]
    return bool(shell.any()) and float(np.mean(lungs[near][shell])) > 0.3


def split_sides(lungs: np.ndarray, grid: WorkGrid, midline: float) -> np.ndarray:
    """Tell left from right.

    Where both lungs are one piece, it is shrunk until it falls into a left and a right part, and these grow back over
    the CT's values: they meet where it is densest, which is the junction of the pleurae.

    Args:
        lungs: bool (z, y, x), x towards the patient's left.
        grid: The volume.
        midline: Column (x index) in the middle of the body.

    Returns:
        uint8 (z, y, x): 0, ``LEFT`` or ``RIGHT``.
    """
    sides = np.zeros(lungs.shape, dtype=np.uint8)
    if not lungs.any():
        return sides
    seeds = _seeds(lungs, grid, midline)
    if seeds is None:  # one lung only
        column = float(np.mean(np.nonzero(lungs)[2]))
        sides[lungs] = LEFT if column > midline else RIGHT
        return sides
    return np.asarray(watershed(grid.hu, markers=seeds, mask=lungs), dtype=np.uint8)


def _seeds(lungs: np.ndarray, grid: WorkGrid, midline: float) -> np.ndarray | None:
    """Return parts that are surely left or right, numbered so; None where there is one lung only."""
    depth = distance_to_mm(~np.pad(lungs, 1), grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    for radius_mm in (0.0, *_SHRINKING_MM):
        numbers, sizes = components_by_size(depth > radius_mm)
        if not sizes:
            return None
        largest = sizes[0][1]
        seeds = np.zeros(lungs.shape, dtype=np.int32)
        volumes = {LEFT: 0, RIGHT: 0}
        for number, voxels in sizes[:6]:
            if voxels < _SMALLEST_PART_OF_BOTH * largest:
                continue
            piece = numbers == number
            column = float(np.average(np.arange(piece.shape[2]), weights=piece.sum(axis=(0, 1))))
            side = LEFT if column > midline else RIGHT
            seeds[piece] = side
            volumes[side] += voxels
        if min(volumes.values()) >= _SMALLEST_PART_OF_BOTH * max(volumes.values()):
            return seeds
    return None
