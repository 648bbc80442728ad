"""Training cases of any form that ``dataset_source`` reads, as a raw nnU-Net v2 data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.dataset_source import DatasetSource
from mambamed.segmentation.dataset_source import SourceCase

__all__ = ["import_dataset"]


def import_dataset(source: DatasetSource, target: Path, reporter: Reporter) -> Path:
    """Write a raw data set: images of several channels are split, label values are numbered from 0.

    Everything is written as NIfTI, or as PNG for 2D pictures, since nnU-Net wants one kind of file.

    Args:
        source: Cases without problems.
        target: New folder, named as nnU-Net wants it.
        reporter: Hears the progress.

    Returns:
        ``target``.

    Raises:
        BadRequestError: The source has problems (all are listed), or a file cannot be read.
    """
    if source.problems:
        raise BadRequestError(
            f"The training cases in {source.folder} have {len(source.problems)} problem"
            f"{'s' if len(source.problems) > 1 else ''}:\n" + "\n".join(f"  - {text}" for text in source.problems)
        )
    for name in ("imagesTr", "labelsTr"):
        (target / name).mkdir(parents=True, exist_ok=True)
    is_picture = all(path.suffix.lower() in (".png", ".bmp", ".tif", ".tiff") for path in source.cases[0].images)
    ending = ".png" if is_picture else ".nii.gz"
    values = _label_values(source)
    labels = _labels(source, values)
    renumbered = {old: new for new, old in enumerate(values)}
    for number, case in enumerate(source.cases, start=1):
        reporter.check_cancelled()
        reporter.progress(f"importing case {number} of {len(source.cases)}", number / len(source.cases))
        channels = [channel for path in case.images for channel in _channels(_read(case, path))]
        for index, channel in enumerate(channels):
            sitk.WriteImage(channel, os.fspath(target / "imagesTr" / f"{case.name}_{index:04d}{ending}"))
        assert case.label is not None
        label = sitk.GetArrayFromImage(_read(case, case.label))
        image = sitk.GetImageFromArray(_renumbered(label, renumbered))
        if list(image.GetSize()) == list(channels[0].GetSize()):
            image.CopyInformation(channels[0])
        sitk.WriteImage(image, os.fspath(target / "labelsTr" / f"{case.name}{ending}"))
    description = {
        "channel_names": {str(index): name for index, name in enumerate(source.channels)},
        "labels": labels,
        "numTraining": len(source.cases),
        "file_ending": ending,
    }
    write_json_atomically(target / "dataset.json", description)
    return target


def _read(case: SourceCase, path: Path) -> sitk.Image:
    try:
        return sitk.ReadImage(os.fspath(path))
    except RuntimeError as error:
        raise BadRequestError(f"{case.name}: {path} cannot be read as an image; replace or remove it.") from error


def _channels(image: sitk.Image) -> list[sitk.Image]:
    """Split an image whose channels are its fourth axis or the components of its voxels."""
    if image.GetDimension() == 4:
        size = list(image.GetSize())
        return [sitk.Extract(image, [*size[:3], 0], [0, 0, 0, index]) for index in range(size[3])]
    if image.GetNumberOfComponentsPerPixel() > 1:
        return [sitk.VectorIndexSelectionCast(image, index) for index in range(image.GetNumberOfComponentsPerPixel())]
    return [image]


def _label_values(source: DatasetSource) -> list[int]:
    """Return the values in use, from 0: those that have names, else those that occur."""
    named = {int(value) for value in source.labels.values()}
    if named:
        return sorted(named | {0})
    found = {0}
    for case in source.cases:
        assert case.label is not None
        found.update(int(value) for value in np.unique(sitk.GetArrayFromImage(_read(case, case.label))))
    return sorted(found)


def _labels(source: DatasetSource, values: list[int]) -> dict[str, Any]:
    names = {int(value): name for name, value in source.labels.items()}
    labels = {names.get(value, f"label {value}"): new for new, value in enumerate(values) if value != 0}
    return {"background": 0, **labels}


def _renumbered(array: np.ndarray, numbers: dict[int, int]) -> np.ndarray:
    """Return label values numbered from 0; values without a name become 255, which the check then reports."""
    result = np.full(array.shape, 255, dtype=np.uint8)
    for old, new in numbers.items():
        result[array == old] = new
    return result
