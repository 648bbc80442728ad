"""A volume continued beyond its mask, so that what lies outside shows nothing inside either.

Features and local similarities look at cubes of many voxels. Where a mask ends inside such a cube (the fan of an
ultrasound volume, with 0 around it), the cube would show the mask's border as the strongest edge of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

__all__ = ["REACH_VOXELS", "continued_beyond"]

REACH_VOXELS = 24
"""Voxels beyond the mask's box up to which the nearest value is looked for: as far as a descriptor sees."""


def continued_beyond(volume: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give every voxel outside a mask the value of the nearest voxel inside.

    Farther away than ``REACH_VOXELS`` from the mask's box, voxels take the value at the end of that reach.

    Args:
        volume: (X, Y, Z).
        inside: (X, Y, Z), true somewhere.

    Returns:
        (X, Y, Z); the volume itself where the mask is true.
    """
    if inside.all():
        return volume
    near, beyond = [], []
    for axis in range(3):
        filled = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        low = max(0, int(filled[0]) - REACH_VOXELS)
        high = min(inside.shape[axis], int(filled[-1]) + 1 + REACH_VOXELS)
        near.append(slice(low, high))
        beyond.append((low, inside.shape[axis] - high))
    window = (near[0], near[1], near[2])
    nearest = distance_transform_edt(~inside[window], return_distances=False, return_indices=True)
    return np.pad(volume[window][tuple(nearest)], beyond, mode="edge")
