"""Keep the one connected piece that the anatomy is, for models whose card says that all labels together are one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label
from torch import Tensor

__all__ = ["keep_one_piece"]

_BACKGROUND_LEAD = 10.0
"""By how much the background's logit leads where labels are removed: a probability of more than 0.9999."""


def keep_one_piece(logits: Tensor, spacing_mm: Sequence[float], opening_mm: float) -> float:
    """Turn labels outside the largest piece into background, in place.

    Bridges up to twice ``opening_mm`` thick do not connect: the foreground is eroded by that distance, its largest
    piece (voxels connected through faces) is kept and grown back within the old foreground.

    Args:
        logits: (classes, z, y, x), the background first; changed.
        spacing_mm: Voxel size along z, y, x.
        opening_mm: Distance of erosion.

    Returns:
        The removed volume in ml.
    """
    foreground = (logits[1:].amax(0) > logits[0]).cpu().numpy()
    # Beyond the array the foreground may go on, so its border does not erode.
    padded = np.pad(foreground, 1, mode="edge")
    inside = (slice(1, -1),) * 3
    core = (distance_transform_edt(padded, sampling=spacing_mm) > opening_mm)[inside]
    pieces, count = label(core)
    if count < 1:
        return 0.0
    largest = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    # One voxel more than was eroded: the distance is measured between voxel centres.
    reach_mm = opening_mm + max(spacing_mm)
    outside = foreground & (distance_transform_edt(~largest, sampling=spacing_mm) > reach_mm)
    if not outside.any():
        return 0.0
    removed = torch.from_numpy(outside).to(logits.device)
    logits[1:, removed] = logits[0, removed] - _BACKGROUND_LEAD
    return float(outside.sum()) * float(np.prod(spacing_mm)) / 1000.0
