"""What two volumes show: how much of one the other covers, and whether one shows much more of the body."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from mambamed.jobs.reporter import Reporter

__all__ = ["different_fields_ml", "overlap_percent", "shown_tissue_ml", "tissue_mask", "warn_of_different_fields"]

_COARSE_SAMPLES = 40
_DIFFERENT_RATIO = 1.6
_LEAST_ML = 1000.0
"""Smaller pieces of tissue than a brain say nothing of fields of view."""
_COARSE_SPACING_MM = 4.0


def overlap_percent(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
) -> float:
    """Percentage of the fixed volume (of its mask) that the moving volume (its mask) covers.

    Args:
        fixed: fixed volume.
        moving: moving volume.
        transform: fixed -> moving, LPS mm.
        fixed_mask: on the grid of ``fixed``, or None.
        moving_mask: on the grid of ``moving``, or None.
    """
    grid = _coarse_grid(fixed)
    covered = _ones_like(moving) if moving_mask is None else moving_mask
    shown = sitk.Resample(covered, grid, transform, sitk.sitkNearestNeighbor, 0.0)
    inside = sitk.GetArrayViewFromImage(shown) > 0
    counted = np.ones_like(inside)
    if fixed_mask is not None:
        counted = sitk.GetArrayViewFromImage(
            sitk.Resample(fixed_mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor)
        )
        counted = counted > 0
        if not counted.any():
            # A mask thinner than the coarse grid: look at its own voxels.
            indices = np.argwhere(sitk.GetArrayViewFromImage(fixed_mask) > 0)[:2000, ::-1].tolist()
            points = [fixed.TransformIndexToPhysicalPoint(index) for index in indices]
            hits = [_is_inside(covered, transform.TransformPoint(point)) for point in points]
            return 100.0 * float(np.mean(hits))
    return 100.0 * float((inside & counted).sum() / counted.sum())


def tissue_mask(volume: sitk.Image) -> sitk.Image | None:
    """What is not background: the largest piece above Otsu's threshold, its holes filled, on a grid of at least 4 mm.

    Returns:
        uint8 over the volume's extent; None if the piece reaches most of the border, so that its extent is not known,
        or if there is none.
    """
    spacing = [max(own, _COARSE_SPACING_MM) for own in volume.GetSpacing()]
    size = [
        max(1, round(count * own / step))
        for count, own, step in zip(volume.GetSize(), volume.GetSpacing(), spacing, strict=True)
    ]
    resampled = sitk.Resample(
        volume, size, sitk.Transform(), sitk.sitkLinear, volume.GetOrigin(), spacing, volume.GetDirection()
    )
    values = sitk.GetArrayFromImage(resampled)
    # A few very bright voxels (metal) must not decide on the threshold.
    values = np.clip(values, *np.percentile(values, (1.0, 99.0)))
    if values.min() == values.max():
        return None
    bright = sitk.GetArrayFromImage(sitk.OtsuThreshold(sitk.GetImageFromArray(values), 0, 1)) > 0
    pieces, count = ndimage.label(bright)
    if count == 0:
        return None
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    faces = [np.take(largest, end, axis=axis) for axis in range(3) for end in (0, -1)]
    if np.mean(np.concatenate([face.ravel() for face in faces])) > 0.5:
        # What reaches most of the border is the background, or goes on beyond it: its extent is not known.
        return None
    filled = sitk.GetImageFromArray(ndimage.binary_fill_holes(largest).astype(np.uint8))
    filled.CopyInformation(resampled)
    return filled


def shown_tissue_ml(volume: sitk.Image, mask: sitk.Image | None = None) -> float:
    """Volume in millilitres of what is not background (see ``tissue_mask``); 0 if its extent is not known."""
    tissue = tissue_mask(volume)
    if tissue is None:
        return 0.0
    filled = sitk.GetArrayViewFromImage(tissue) > 0
    if mask is not None:
        inside = sitk.Resample(mask, tissue, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
        filled = filled & (sitk.GetArrayViewFromImage(inside) > 0)
    return float(filled.sum() * np.prod(tissue.GetSpacing()) / 1000.0)


def different_fields_ml(
    fixed: sitk.Image, moving: sitk.Image, fixed_mask: sitk.Image | None, moving_mask: sitk.Image | None
) -> tuple[float, float] | None:
    """How much each volume shows of the body, in millilitres, if one shows much more than the other; else None."""
    if min(*fixed.GetSize(), *moving.GetSize()) < 2:
        return None
    volumes = (shown_tissue_ml(fixed, fixed_mask), shown_tissue_ml(moving, moving_mask))
    if min(volumes) <= 0.0 or max(volumes) < _LEAST_ML or max(volumes) / min(volumes) < _DIFFERENT_RATIO:
        return None
    return volumes


def warn_of_different_fields(volumes: tuple[float, float], reporter: Reporter) -> None:
    """Warn that one volume shows much more of the body than the other: similarities then prefer a wrong pose.

    (LC2 does so on a whole head against a brain without its skull.)

    Args:
        volumes: from ``different_fields_ml``.
        reporter: hears the warning.
    """
    more = "fixed" if volumes[0] > volumes[1] else "moving"
    reporter.warning(
        f"The fixed volume shows about {volumes[0] / 1000.0:.1f} l of the body and the moving volume "
        f"{volumes[1] / 1000.0:.1f} l: their fields of view differ, as for a whole head and a brain without skull, and "
        f"a wrong pose may look better than the right one. Give a mask of the {more} volume that covers what both "
        "show, and check the result."
    )


def _coarse_grid(volume: sitk.Image) -> sitk.Image:
    size = [min(count, _COARSE_SAMPLES) for count in volume.GetSize()]
    extent = [count * own for count, own in zip(volume.GetSize(), volume.GetSpacing(), strict=True)]
    grid = sitk.Image(size, sitk.sitkUInt8)
    spacing = [length / count for length, count in zip(extent, size, strict=True)]
    grid.SetSpacing(spacing)
    grid.SetDirection(volume.GetDirection())
    # The outer borders of both grids coincide.
    first = [0.5 * step / own - 0.5 for step, own in zip(spacing, volume.GetSpacing(), strict=True)]
    grid.SetOrigin(volume.TransformContinuousIndexToPhysicalPoint(first))
    return grid


def _ones_like(volume: sitk.Image) -> sitk.Image:
    ones = sitk.Image(volume.GetSize(), sitk.sitkUInt8) + 1
    ones.CopyInformation(volume)
    return ones


def _is_inside(mask: sitk.Image, point: tuple[float, ...]) -> bool:
    index = mask.TransformPhysicalPointToIndex(point)
    return all(0 <= place < count for place, count in zip(index, mask.GetSize(), strict=True)) and bool(mask[index])
