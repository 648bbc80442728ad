"""Remove labels from the air around the body, for models of CT whose card says that all labels lie inside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import binary_fill_holes
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label
from torch import Tensor

__all__ = ["BACKGROUND_LEAD", "body_mask", "keep_inside_body"]

BACKGROUND_LEAD = 10.0
"""By how much the background's logit leads where labels are removed: a probability of more than 0.9999."""

_OPENING_MM = 6.0
"""Clothes, blankets and the table's shell are thinner than twice this; a chest wall is not."""


def body_mask(image: np.ndarray, tissue_above: float, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the body with the air in it.

    Tissue is opened, its largest piece (voxels connected through faces) grown back, and the holes of each slice of the
    first axis are filled: lungs, airways and gas lie within a closed contour of tissue in transversal slices.

    Args:
        image: (z, y, x) intensities.
        tissue_above: Intensity above which a voxel is tissue.
        spacing_mm: Voxel size along z, y, x.

    Returns:
        Bool of the same shape; all true if there is no tissue.
    """
    tissue = image > tissue_above
    # Beyond the array the body may go on, so its border does not erode.
    padded = np.pad(tissue, 1, mode="edge")
    core = (distance_transform_edt(padded, sampling=spacing_mm) > _OPENING_MM)[(slice(1, -1),) * 3]
    pieces, count = label(core)
    if count == 0:
        return np.ones(image.shape, bool)
    largest = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    grown = distance_transform_edt(~largest, sampling=spacing_mm) <= _OPENING_MM + max(spacing_mm)
    # Where lungs leave a thinner wall than the opening, the original tissue closes the contour.
    closed = (grown & tissue) | largest
    return np.stack([binary_fill_holes(part) for part in closed])


def keep_inside_body(logits: Tensor, image: np.ndarray, tissue_above: float, spacing_mm: Sequence[float]) -> float:
    """Turn labels outside the body into background, in place.

    Args:
        logits: (classes, z, y, x), the background first; changed.
        image: (z, y, x) intensities on the same grid.
        tissue_above: Intensity above which a voxel is tissue.
        spacing_mm: Voxel size along z, y, x.

    Returns:
        The removed volume in ml.
    """
    body = body_mask(image, tissue_above, spacing_mm)
    foreground = (logits[1:].amax(0) > logits[0]).cpu().numpy()
    outside = foreground & ~body
    if not outside.any():
        return 0.0
    removed = torch.from_numpy(outside).to(logits.device)
    logits[1:, removed] = logits[0, removed] - BACKGROUND_LEAD
    return float(outside.sum()) * float(np.prod(spacing_mm)) / 1000.0
