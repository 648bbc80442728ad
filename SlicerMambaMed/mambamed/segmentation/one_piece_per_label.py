"""Make every label one connected piece, for models whose card says that each of their labels is one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label
from torch import Tensor

__all__ = ["make_one_piece_per_label"]

_LEAD = 1e-3
"""By how much the logit of the new label leads the largest one; float16 logits need more the larger they are."""


def make_one_piece_per_label(logits: Tensor, spacing_mm: tuple[float, ...]) -> int:
    """Give every voxel of a smaller piece of a label to the nearest largest piece, in place.

    A stray piece is foreground, but rarely that label: a part of the right lung that was taken for the left one, say.

    Args:
        logits: (classes, z, y, x), the background first; changed.
        spacing_mm: Voxel size along z, y, x.

    Returns:
        How many voxels changed.
    """
    labels = logits.argmax(0).cpu().numpy()
    kept = np.zeros_like(labels)
    for value in range(1, logits.shape[0]):
        pieces, count = label(labels == value)
        if count:
            kept[pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()] = value
    stray = (labels > 0) & (kept == 0)
    if not stray.any():
        return 0
    nearest = distance_transform_edt(kept == 0, sampling=spacing_mm, return_distances=False, return_indices=True)
    places = np.nonzero(stray)
    values = kept[tuple(nearest)][stray]
    changed = values != labels[stray]
    places, values = tuple(axis[changed] for axis in places), values[changed]
    everywhere: Any = (slice(None), *places)
    highest = logits[everywhere].amax(0)
    chosen: Any = (values, *places)
    logits[chosen] = highest + _LEAD + highest.abs() * 2.0**-9
    return int(changed.sum())
