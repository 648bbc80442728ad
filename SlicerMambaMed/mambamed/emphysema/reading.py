"""A CT from a file or DICOM folder, together with what its headers say about the acquisition."""

from __future__ import annotations

from pathlib import Path

import pydicom
import SimpleITK as sitk
from pydicom.errors import InvalidDicomError

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.acquisition_dicom import read_acquisition
from mambamed.imaging.dicom import series_in_folder
from mambamed.imaging.reading import read_image

__all__ = ["dicom_files", "read_ct"]


def read_ct(path: Path, series: str | None = None) -> tuple[sitk.Image, Acquisition]:
    """Read a CT and its acquisition.

    Args:
        path: Volume file or DICOM folder.
        series: DICOM series UID, where the folder holds several.

    Returns:
        The image, and what its DICOM headers say (nothing for other formats).

    Raises:
        BadRequestError: It cannot be read, or its modality is not CT.
    """
    files = dicom_files(path, series)
    acquisition = read_acquisition(files[0]) if files else Acquisition()
    return read_image(path, series=series), acquisition


def dicom_files(path: Path, series: str | None = None) -> list[Path]:
    """Return the files of a DICOM series in the order of their position; empty if the path is no DICOM."""
    if path.is_dir():
        found = series_in_folder(path)
        if series is None and len(found) == 1:
            return [Path(name) for name in next(iter(found.values()))]
        return [Path(name) for name in found.get(series or "", [])]
    if not path.is_file() or path.suffix.lower() not in (".dcm", ".ima", ""):
        return []
    try:
        pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError, AttributeError):
        return []
    return [path]
