"""Trachea and main airways: found in the upper slices and followed downwards as long as they stay narrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mambamed.emphysema.lungs.work_grid import WorkGrid

__all__ = ["Airways", "find_airways"]

_TRACHEA_AREA_MM2 = (50.0, 800.0)
_LARGEST_BRANCH_MM2 = 450.0
_SMALLEST_BRANCH_MM2 = 12.0
_SHORTEST_TRACHEA_MM = 25.0
_LONGEST_BELOW_TRACHEA_MM = 75.0
_FARTHEST_FROM_MIDLINE_MM = 40.0
_THRESHOLDS_HU = (-500.0, -600.0, -700.0, -775.0, -850.0, -900.0, -930.0)
_TRACHEA_THRESHOLDS_HU = (-500.0, -700.0, -850.0, -930.0)
_WALL_MM = 2.0


@dataclass(frozen=True)
class Airways:
    """Airways on the work grid.

    Attributes:
        mask: bool (z, y, x): lumen with its wall as far as it is seen as air; empty if no trachea was found.
        trachea: bool (z, y, x): lumen of the trachea only.
    """

    mask: np.ndarray
    trachea: np.ndarray


@dataclass
class _Chain:
    """Pieces of consecutive slices, from above downwards, that lie over each other."""

    first_slice: int
    pieces: list[np.ndarray]
    from_midline_mm: list[float]


def find_airways(grid: WorkGrid, air: np.ndarray, tissue: np.ndarray) -> Airways:
    """Find the trachea and follow it and the main bronchi down to where they open into the lungs.

    Args:
        grid: Volume with z towards the head.
        air: Air inside the body, what ``inner_air`` gave.
        tissue: What ``largest_tissue`` gave, for the midline.

    Returns:
        The airways; both masks are empty if there is no trachea in the scan.
    """
    mask = np.zeros_like(air)
    # Where the trachea touches a lung, only its lumen is darker than the wall between them.
    chains = (_trachea_chain(air & (grid.hu < threshold), tissue, grid) for threshold in _TRACHEA_THRESHOLDS_HU)
    chain = next((found for found in chains if found is not None), None)
    if chain is None:
        return Airways(mask, mask.copy())
    for offset, piece in enumerate(chain.pieces):
        mask[chain.first_slice - offset] |= piece
    trachea = mask.copy()
    _follow_down(mask, chain, air, grid)
    return Airways(_with_wall(mask, grid) & air, trachea)


def _trachea_chain(air: np.ndarray, tissue: np.ndarray, grid: WorkGrid) -> _Chain | None:
    """Return the longest chain of round pieces of a trachea's size near the midline."""
    open_chains: list[_Chain] = []
    finished: list[_Chain] = []
    for index in range(air.shape[0] - 1, -1, -1):
        pieces = _trachea_like_pieces(air[index], tissue[index], grid.spacing_mm[1:])
        continued: list[_Chain] = []
        for chain in open_chains:
            overlaps = [int(np.count_nonzero(piece & chain.pieces[-1])) for piece, _ in pieces]
            if overlaps and max(overlaps) > 0:
                piece, distance = pieces.pop(int(np.argmax(overlaps)))
                chain.pieces.append(piece)
                chain.from_midline_mm.append(distance)
                continued.append(chain)
            else:
                finished.append(chain)
        open_chains = continued + [_Chain(index, [piece], [distance]) for piece, distance in pieces]
    chains = [
        chain for chain in finished + open_chains if len(chain.pieces) * grid.spacing_mm[0] >= _SHORTEST_TRACHEA_MM
    ]
    if not chains:
        return None
    return max(
        chains, key=lambda chain: len(chain.pieces) * grid.spacing_mm[0] - 2.0 * float(np.median(chain.from_midline_mm))
    )


def _trachea_like_pieces(
    air: np.ndarray, tissue: np.ndarray, spacing_mm: tuple[float, float]
) -> list[tuple[np.ndarray, float]]:
    """Return the pieces of one slice that may be the trachea, each with its distance from the body's midline in mm."""
    columns = np.flatnonzero(tissue.any(axis=0))
    if not len(columns):
        return []
    midline = 0.5 * (columns[0] + columns[-1])
    numbers, count = ndimage.label(air)
    found = []
    pixel_mm2 = spacing_mm[0] * spacing_mm[1]
    for number, box in enumerate(ndimage.find_objects(numbers, count), start=1):
        piece = numbers == number
        pixels = int(np.count_nonzero(piece[box]))
        if not _TRACHEA_AREA_MM2[0] <= pixels * pixel_mm2 <= _TRACHEA_AREA_MM2[1]:
            continue
        sides_mm = [(part.stop - part.start) * spacing for part, spacing in zip(box, spacing_mm, strict=True)]
        if max(sides_mm) > 3.0 * min(sides_mm) or pixels < 0.4 * np.prod(piece[box].shape):
            continue
        centre = ndimage.center_of_mass(piece)
        distance_mm = abs(centre[1] - midline) * spacing_mm[1]
        if distance_mm <= _FARTHEST_FROM_MIDLINE_MM:
            found.append((piece, distance_mm))
    return found


def _follow_down(mask: np.ndarray, chain: _Chain, air: np.ndarray, grid: WorkGrid) -> None:
    """Continue below the trachea, slice by slice, with every piece that stays narrow at some threshold."""
    last = chain.first_slice - len(chain.pieces) + 1
    lowest = max(0, last - int(_LONGEST_BELOW_TRACHEA_MM / grid.spacing_mm[0]))
    for index in range(last - 1, lowest - 1, -1):
        above = mask[index + 1]
        if not above.any():
            return
        mask[index] = _narrow_pieces(grid.hu[index], air[index], above, grid.spacing_mm[1:])


def _narrow_pieces(hu: np.ndarray, air: np.ndarray, above: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Return the pieces that continue those of the slice above, each at the highest threshold that keeps it narrow."""
    pixel_mm2 = spacing_mm[0] * spacing_mm[1]
    result = np.zeros_like(above)
    branches, count = ndimage.label(above)
    for branch in range(1, count + 1):
        start = branches == branch
        branch_mm2 = np.count_nonzero(start) * pixel_mm2
        limit_mm2 = min(_LARGEST_BRANCH_MM2, 2.0 * branch_mm2 + 60.0)
        for threshold in _THRESHOLDS_HU:
            numbers, _ = ndimage.label(air & (hu < threshold))
            touched = [number for number in np.unique(numbers[start]) if number]
            pieces = [numbers == number for number in touched]
            areas = [np.count_nonzero(piece) * pixel_mm2 for piece in pieces]
            if any(area > limit_mm2 for area in areas):
                continue
            for piece, area in zip(pieces, areas, strict=True):
                if area >= _SMALLEST_BRANCH_MM2:
                    result |= piece
            break
    return result


def _with_wall(mask: np.ndarray, grid: WorkGrid) -> np.ndarray:
    """Widen the lumen in the plane by the part of the wall that still looks like air."""
    widened = np.zeros_like(mask)
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        distance = ndimage.distance_transform_edt(~mask[index], grid.spacing_mm[1:])
        widened[index] = distance <= max(_WALL_MM, 1.01 * min(grid.spacing_mm[1:]))
    return widened
