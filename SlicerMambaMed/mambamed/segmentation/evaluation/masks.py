"""Scores of one mask against a reference mask: Dice, normalised surface distance, Hausdorff distance, volume error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.ndimage import distance_transform_edt

__all__ = ["MaskScores", "dice", "score_masks", "surface_distances_mm"]


@dataclass(frozen=True)
class MaskScores:
    """Scores of one label in one case; a value is NaN where it is not defined.

    Attributes:
        dice: 2 |P and R| / (|P| + |R|), 0 to 1.
        nsd: Normalised surface distance (surface Dice) at the label's tolerance, 0 to 1; NaN without a tolerance.
        hd95_mm: The larger of the two 95th percentiles of the distances from one surface to the other.
        volume_error_ml: Predicted minus reference volume; NaN for 2D images.
        area_error_mm2: Predicted minus reference area; NaN for volumes.
        volume_error_percent: The same (volume or area) relative to the reference.
        reference_voxels: Size of the reference.
        predicted_voxels: Size of the prediction.
    """

    dice: float
    nsd: float
    hd95_mm: float
    volume_error_ml: float
    area_error_mm2: float
    volume_error_percent: float
    reference_voxels: int
    predicted_voxels: int


def dice(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return the Dice overlap of two masks of one shape; 1.0 if both are empty."""
    total = int(prediction.sum()) + int(reference.sum())
    return 1.0 if total == 0 else 2.0 * int((prediction & reference).sum()) / total


def score_masks(
    prediction: np.ndarray, reference: np.ndarray, spacing_mm: Sequence[float], tolerance_mm: float | None = None
) -> MaskScores:
    """Score one mask against a reference.

    If both masks are empty, Dice and the normalised surface distance are 1 (the label is rightly absent) and the other
    scores are undefined. If only one is empty they are 0; the Hausdorff distance is then undefined, too.

    Args:
        prediction: Bool, 2D or 3D.
        reference: Bool, of the same shape.
        spacing_mm: Voxel size along each array axis.
        tolerance_mm: Deviation of the surface that counts as none; None leaves the surface distance out.
    """
    predicted_voxels, reference_voxels = int(prediction.sum()), int(reference.sum())
    size_mm = float(np.prod(np.asarray(spacing_mm, dtype=float)))
    difference = predicted_voxels - reference_voxels
    error = difference * size_mm if predicted_voxels or reference_voxels else math.nan
    nsd = hd95 = math.nan
    if predicted_voxels and reference_voxels:
        forth, back = surface_distances_mm(prediction, reference, spacing_mm)
        hd95 = float(max(np.percentile(forth, 95), np.percentile(back, 95)))
        if tolerance_mm is not None:
            within = int((forth <= tolerance_mm).sum()) + int((back <= tolerance_mm).sum())
            nsd = within / (len(forth) + len(back))
    elif tolerance_mm is not None:
        nsd = 1.0 if predicted_voxels == reference_voxels else 0.0
    return MaskScores(
        dice=dice(prediction, reference),
        nsd=nsd,
        hd95_mm=hd95,
        volume_error_ml=error / 1000.0 if prediction.ndim == 3 else math.nan,
        area_error_mm2=error if prediction.ndim == 2 else math.nan,
        volume_error_percent=100.0 * difference / reference_voxels if reference_voxels else math.nan,
        reference_voxels=reference_voxels,
        predicted_voxels=predicted_voxels,
    )


def surface_distances_mm(
    first: np.ndarray, second: np.ndarray, spacing_mm: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance of every surface voxel of each mask to the other mask's surface, in mm.

    The surface of a mask are its voxels with a face neighbour outside; the image's border counts as outside. Each
    surface voxel counts once (not by its area), as in MONAI's ``compute_surface_dice`` and
    ``compute_hausdorff_distance``; definition after Nikolov et al., arXiv:1809.04430.

    Args:
        first: Bool, not empty.
        second: Bool, not empty, of the same shape.
        spacing_mm: Voxel size along each array axis.

    Returns:
        Distances from the first surface to the second, and from the second to the first.
    """
    box = _common_box(first, second)
    surfaces = []
    for mask in (first, second):
        padded = np.pad(mask[box], 1)
        surfaces.append(padded & ~binary_erosion(padded))
    to_first, to_second = (distance_transform_edt(~surface, sampling=spacing_mm) for surface in surfaces)
    return to_second[surfaces[0]], to_first[surfaces[1]]


def _common_box(first: np.ndarray, second: np.ndarray) -> tuple[slice, ...]:
    """Return the smallest box that holds both masks; distances within it are those within the whole image."""
    both = first | second
    box = []
    for axis in range(both.ndim):
        hits = np.flatnonzero(both.any(axis=tuple(other for other in range(both.ndim) if other != axis)))
        box.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return tuple(box)
