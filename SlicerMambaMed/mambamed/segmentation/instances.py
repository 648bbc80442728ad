"""Instances (one value per cell) to interior and boundary classes and back, the way the U-Mamba paper segments cells.

Ma, Li and Wang, "U-Mamba", 2024, section 3.1: the network predicts the cells' interiors and boundaries, and connected
interiors are the instances (``skimage.measure.label``).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import generate_binary_structure
from scipy.ndimage import label
from skimage.segmentation import find_boundaries

__all__ = ["BOUNDARY", "INTERIOR", "instances_from_classes", "interior_and_boundary"]

INTERIOR = 1
"""Class of a cell's inside."""
BOUNDARY = 2
"""Class of a cell's rim."""


def interior_and_boundary(instances: np.ndarray, thickness: int = 2) -> np.ndarray:
    """Turn instances into the classes 0 background, 1 interior, 2 boundary.

    The boundary is the outer rim of each cell, inside the cell, so that touching cells are apart by two rims. A cell
    too thin to have an inside keeps its innermost pixels as interior, so that no cell is lost.

    Args:
        instances: Integers in 2D or 3D, 0 for background, one value per cell.
        thickness: Width of the rim in pixels, at least 1.

    Returns:
        uint8, of the same shape.
    """
    instances = np.asarray(instances)
    rim = find_boundaries(instances, mode="inner") & (instances > 0)
    inside = (instances > 0) & ~rim
    for _ in range(thickness - 1):
        # A pixel beside another cell or the background was removed above, so eroding all insides at once is enough.
        inside = binary_erosion(inside, generate_binary_structure(instances.ndim, 1), border_value=1)
    classes = np.where(instances > 0, np.uint8(BOUNDARY), np.uint8(0))
    classes[inside] = INTERIOR
    lost = np.setdiff1d(np.unique(instances[instances > 0]), np.unique(instances[inside]))
    for value in lost:
        cell = instances == value
        depth = distance_transform_edt(np.pad(cell, 1))[(slice(1, -1),) * cell.ndim]
        classes[cell & (depth >= depth.max() - 0.5)] = INTERIOR
    return classes


def instances_from_classes(classes: np.ndarray, smallest: int = 0) -> np.ndarray:
    """Turn the classes 0 background, 1 interior, 2 boundary into instances.

    Connected interiors (through edges, not corners) are numbered; each boundary pixel then belongs to the nearest
    interior, if it is connected with that interior through boundary pixels nearby.

    Args:
        classes: Integers in 2D or 3D.
        smallest: Instances of fewer pixels (rim included) are removed.

    Returns:
        int32 of the same shape, 0 for background, then 1, 2, 3, ... without gaps.
    """
    classes = np.asarray(classes)
    numbered, _ = label(classes == INTERIOR)
    instances = numbered.astype(np.int32)
    if instances.any():
        rim = classes == BOUNDARY
        nearest = distance_transform_edt(instances == 0, return_distances=False, return_indices=True)
        claimed = instances[tuple(nearest)]
        # A rim without an inside (a piece of debris, say) is no cell, however near another one may be.
        pieces, _ = label((classes > 0), structure=generate_binary_structure(classes.ndim, classes.ndim))
        with_inside = np.unique(pieces[instances > 0])
        instances = np.where(rim & np.isin(pieces, with_inside), claimed, instances)
    counts = np.bincount(instances.ravel())
    kept = np.flatnonzero(counts >= max(1, smallest))
    kept = kept[kept > 0]
    numbers = np.zeros(len(counts), np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1, dtype=np.int32)
    return numbers[instances]
