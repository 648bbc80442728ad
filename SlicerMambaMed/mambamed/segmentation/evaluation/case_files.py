"""Find the prediction that belongs to each reference, and bring it onto the reference's grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.imaging.suffixes import IMAGE_SUFFIXES

__all__ = ["CaseFiles", "LabelPair", "find_case_files", "read_pair"]

_GRID_TOLERANCE = 1e-3
_LISTED = 10


@dataclass(frozen=True)
class CaseFiles:
    """One case: its name, the reference, and the prediction (None if there is none)."""

    name: str
    reference: Path
    prediction: Path | None


@dataclass(frozen=True)
class LabelPair:
    """Two label maps on one grid: arrays (z, y, x) or (y, x), voxel size along these axes, and what was done."""

    prediction: np.ndarray
    reference: np.ndarray
    spacing_mm: tuple[float, ...]
    notes: tuple[str, ...]


def find_case_files(predictions: Path, labels: Path) -> list[CaseFiles]:
    """Pair files by name: two files, or two folders of ``<case>.<ending>`` (the endings may differ).

    A predictions folder may also be one that ``mambamed batch`` wrote (``<case>/outputs/segmentation.nii.gz``).

    Raises:
        BadRequestError: A path does not exist, there is no reference, or no case has a prediction.
    """
    for path in (predictions, labels):
        if not path.exists():
            raise BadRequestError(f"{path} does not exist; expected label maps (files or folders).")
    if labels.is_file() and predictions.is_file():
        return [CaseFiles(_case_name(labels), labels, predictions)]
    if labels.is_file() or predictions.is_file():
        raise BadRequestError(f"{predictions} and {labels} are a file and a folder; expected two files or two folders.")
    references = {_case_name(path): path for path in _images(labels)}
    if not references:
        raise BadRequestError(f"There is no label map in {labels}; expected files such as case.nii.gz or case.png.")
    found = {_case_name(path): path for path in _images(predictions)}
    for folder in sorted(path for path in predictions.iterdir() if path.is_dir()):
        written = [path for path in _images(folder / "outputs") if _case_name(path) == "segmentation"]
        if written:
            found.setdefault(folder.name, written[0])
    cases = [CaseFiles(name, path, found.get(name)) for name, path in sorted(references.items())]
    if all(case.prediction is None for case in cases):
        raise BadRequestError(
            f"None of the {len(cases)} cases in {labels} has a prediction of the same name in {predictions}: expected "
            f"{', '.join(list(references)[:_LISTED])}; found {', '.join(sorted(found)[:_LISTED]) or 'no label map'}."
        )
    return cases


def read_pair(case: CaseFiles) -> LabelPair:
    """Read both label maps; a prediction on another grid is brought onto the reference's through physical space.

    Nearest neighbours are taken, and what the prediction does not cover is background; the pair's notes say so.

    Raises:
        BadRequestError: A file is no label map, the dimensions differ, or the two do not overlap in space.
    """
    if case.prediction is None:
        raise BadRequestError(f"The case {case.name} has no prediction.")
    prediction, reference = (_as_labels(read_image(path), path) for path in (case.prediction, case.reference))
    if prediction.GetDimension() != reference.GetDimension():
        raise BadRequestError(
            f"{case.name}: the prediction has {prediction.GetDimension()} dimensions, the reference "
            f"{reference.GetDimension()}; expected the same."
        )
    notes = []
    if not _same_grid(prediction, reference):
        ones = sitk.Image(prediction.GetSize(), sitk.sitkUInt8) + 1
        ones.CopyInformation(prediction)
        seen = sitk.Resample(ones, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        covered = float(sitk.GetArrayViewFromImage(seen).mean())
        if covered == 0.0:
            raise BadRequestError(
                f"{case.name}: prediction and reference do not overlap in space; check origin and direction of both."
            )
        prediction = sitk.Resample(prediction, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        notes.append(
            f"{case.name}: the prediction is on another grid; it was brought onto the reference's (nearest neighbour), "
            f"{100 * covered:.1f} % of which it covers."
        )
    return LabelPair(
        sitk.GetArrayFromImage(prediction),
        sitk.GetArrayFromImage(reference),
        tuple(float(value) for value in reference.GetSpacing()[::-1]),
        tuple(notes),
    )


def _as_labels(image: sitk.Image, path: Path) -> sitk.Image:
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise BadRequestError(f"{path} is a colour picture; expected a label map with one whole number per pixel.")
    array = sitk.GetArrayViewFromImage(image)
    if np.issubdtype(array.dtype, np.floating) and not np.array_equal(array, np.round(array)):
        raise BadRequestError(f"{path} holds fractions; expected a label map with one whole number per voxel.")
    if int(array.min()) < 0:
        raise BadRequestError(f"{path} holds values below 0; expected a label map.")
    return sitk.Cast(image, sitk.sitkInt32)


def _same_grid(first: sitk.Image, second: sitk.Image) -> bool:
    if first.GetSize() != second.GetSize():
        return False
    scale = min(second.GetSpacing())
    return (
        np.allclose(first.GetSpacing(), second.GetSpacing(), rtol=_GRID_TOLERANCE)
        and np.allclose(first.GetOrigin(), second.GetOrigin(), atol=_GRID_TOLERANCE * 10 * scale)
        and np.allclose(first.GetDirection(), second.GetDirection(), atol=_GRID_TOLERANCE)
    )


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and _suffix(path) and path.name[0] != ".")


def _suffix(path: Path) -> str:
    return next((suffix for suffix in IMAGE_SUFFIXES if path.name.lower().endswith(suffix)), "")


def _case_name(path: Path) -> str:
    suffix = _suffix(path)
    return path.name[: -len(suffix)] if suffix else path.name
