"""A user's own label maps as anatomies to paint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mambamed.errors import BadRequestError
from mambamed.imaging import read_image
from mambamed.imaging import reorient
from mambamed.jobs.reporter import Reporter
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.networks.training.label_maps import LabelMap
from mambamed.registration.networks.training.label_maps import ListedMaps

__all__ = ["IMAGE_SUFFIXES", "image_files", "read_label_maps"]

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
_MOST_LABELS = 255


def image_files(folder: Path) -> dict[str, Path]:
    """Return the image files of a folder by their name without the suffix, sorted.

    Raises:
        BadRequestError: there is none.
    """
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        for suffix in IMAGE_SUFFIXES:
            if path.name.lower().endswith(suffix):
                found[path.name[: -len(suffix)]] = path
    if not found:
        raise BadRequestError(
            f"The folder {folder} holds no images; expected files that end with {', '.join(IMAGE_SUFFIXES)}."
        )
    return found


def read_label_maps(folder: Path, spacing_mm: float, held_out: int, reporter: Reporter) -> ListedMaps:
    """Read label maps, bring them to cubic voxels and number their labels from 1.

    All maps show the same structures under the same values. With more than three, some are kept for validation.

    Args:
        folder: one label map per person.
        spacing_mm: size of the voxels.
        held_out: label maps for validation, at most.
        reporter: hears progress.

    Raises:
        BadRequestError: no label maps, or too many labels.
    """
    files = image_files(folder)
    images = []
    for number, path in enumerate(files.values(), start=1):
        reporter.check_cancelled()
        images.append(_resampled(read_image(path), spacing_mm))
        reporter.progress(f"label map {number} of {len(files)}", 0.0)
    values = np.unique(np.concatenate([np.unique(image) for image in images]))
    values = values[values != 0]
    if not 0 < len(values) <= _MOST_LABELS:
        raise BadRequestError(
            f"The label maps in {folder} have {len(values)} labels; expected 1 to "
            f"{_MOST_LABELS} besides the background."
        )
    maps = [_as_label_map(image, values, spacing_mm) for image in images]
    return ListedMaps(maps, min(held_out, len(maps) // 4))


def _resampled(image: sitk.Image, spacing_mm: float) -> NDArray[np.int64]:
    oriented = reorient(sitk.Cast(image, sitk.sitkInt32), "LPS")
    grid = GridGeometry.of_image(oriented).isotropic(spacing_mm)
    resampled = sitk.Resample(
        oriented,
        grid.size,
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkNearestNeighbor,
        grid.origin_mm,
        grid.spacing_mm,
        grid.direction,
    )
    return sitk.GetArrayFromImage(resampled).transpose(2, 1, 0).astype(np.int64)


def _as_label_map(labels: NDArray[np.int64], values: NDArray[np.int64], spacing_mm: float) -> LabelMap:
    numbers = np.where(labels == 0, 0, 1 + np.searchsorted(values, labels)).astype(np.uint8)
    return LabelMap(np.ascontiguousarray(numbers), np.ascontiguousarray(numbers), spacing_mm)
