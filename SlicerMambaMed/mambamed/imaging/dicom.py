"""Folders of DICOM slices, read through SimpleITK (GDCM) as one volume."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError

__all__ = ["read_dicom_folder", "series_in_folder"]

_IMAGE_POSITION = "0020|0032"
_LARGEST_GAP_SPREAD = 0.05
"""Slices whose distances differ by more than this fraction have one missing or were taken unevenly."""


def series_in_folder(folder: str | os.PathLike[str]) -> dict[str, list[str]]:
    """List the DICOM series of a folder (not of its subfolders).

    Args:
        folder: Folder with DICOM files, mixed or not with others.

    Returns:
        Series UID -> file names in the order of their position along the slice axis.
    """
    reader = sitk.ImageSeriesReader()
    found = reader.GetGDCMSeriesIDs(str(folder))
    return {series: list(reader.GetGDCMSeriesFileNames(str(folder), series)) for series in found}


def read_dicom_folder(folder: str | os.PathLike[str], series: str | None = None) -> sitk.Image:
    """Read one DICOM series as a volume.

    Args:
        folder: Folder with the slices of at least one series.
        series: Series UID; None takes the only series, and refuses to guess if there are several.

    Returns:
        3D image (LPS, mm) with rescale slope and intercept applied.

    Raises:
        BadRequestError: No series, several series without a choice, unknown series, or slices missing in between.
    """
    found = series_in_folder(folder)
    name = Path(folder).name
    if not found:
        raise BadRequestError(
            f"No DICOM series was found in the folder {name}; choose the folder that holds the slices."
        )
    if series is None:
        if len(found) > 1:
            listed = ", ".join(f"{uid} ({len(files)} files)" for uid, files in sorted(found.items()))
            raise BadRequestError(
                f"{len(found)} DICOM series were found in the folder {name}, expected one; "
                f"put one series in a folder of its own: {listed}."
            )
        series = next(iter(found))
    if series not in found:
        raise BadRequestError(f"The series {series} is not in the folder {name}; it holds {', '.join(sorted(found))}.")
    files = found[series]
    try:
        if len(files) == 1:
            return sitk.ReadImage(files[0])
        _check_slice_gaps(files, name)
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files)
        return reader.Execute()
    except RuntimeError as error:
        raise BadRequestError(
            f"The DICOM series in the folder {name} could not be read: {_last_line(error)}"
        ) from error


def _check_slice_gaps(files: list[str], name: str) -> None:
    """Refuse a series with slices missing in between: its volume would be stretched without a word."""
    positions = []
    for file in files:
        reader = sitk.ImageFileReader()
        reader.SetFileName(file)
        reader.ReadImageInformation()
        if not reader.HasMetaDataKey(_IMAGE_POSITION):
            return
        positions.append([float(value) for value in reader.GetMetaData(_IMAGE_POSITION).split("\\")])
    gaps_mm = np.linalg.norm(np.diff(np.asarray(positions), axis=0), axis=1)
    typical_mm = float(np.median(gaps_mm))
    if typical_mm <= 0 or float(np.max(np.abs(gaps_mm - typical_mm))) > max(_LARGEST_GAP_SPREAD * typical_mm, 0.02):
        raise BadRequestError(
            f"The slices of the DICOM series in the folder {name} are {gaps_mm.min():.3g} to "
            f"{gaps_mm.max():.3g} mm apart, expected one distance: slices are missing or doubled; "
            "export the complete series again."
        )


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "unknown cause"
