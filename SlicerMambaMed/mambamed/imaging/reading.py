"""Read an image of any common format with its geometry: NIfTI, NRRD, MHA, DICOM (file or folder), PNG, TIFF, ..."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError
from mambamed.imaging.checks import check_image
from mambamed.imaging.checks import check_not_nan
from mambamed.imaging.dicom import read_dicom_folder

__all__ = ["read_image"]


def read_image(path: str | os.PathLike[str], series: str | None = None, check: bool = True) -> sitk.Image:
    """Read one image and check it.

    A folder is read as a DICOM series. A 3D image of one slice in a format without geometry (PNG, TIFF, JPEG, BMP)
    comes back as 2D; colour images keep their components.

    Args:
        path: File or DICOM folder.
        series: DICOM series UID, where the folder holds several.
        check: Whether dimension, spacing, direction and values are checked.

    Returns:
        2D or 3D image (LPS, mm).

    Raises:
        BadRequestError: Missing file, not an image, several series, or a failed check.
    """
    source = Path(path)
    if not source.exists():
        raise BadRequestError(f"The file {source} does not exist; check the path.")
    if source.is_dir():
        image = read_dicom_folder(source, series)
    else:
        image = _read_file(source)
    image = _without_empty_axes(image, source)
    if check:
        check_image(image, source.name)
    return image


def _read_file(source: Path) -> sitk.Image:
    if not os.access(source, os.R_OK):
        raise BadRequestError(f"The file {source} cannot be read; check its permissions.")
    if source.stat().st_size == 0:
        raise BadRequestError(f"The file {source} is empty (0 bytes); copy it again.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(source))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise BadRequestError(
            f"The file {source.name} is not an image that can be read; "
            "expected NIfTI, NRRD, MHA, DICOM, PNG, TIFF, JPEG or BMP."
        ) from error
    try:
        image = reader.Execute()
        _refuse_hidden_nan(source, reader)
        return image
    except (RuntimeError, MemoryError) as error:
        raise BadRequestError(
            f"The image data in {source.name} cannot be read (the header can): the file is damaged or incomplete; "
            "copy it again."
        ) from error


def _refuse_hidden_nan(source: Path, reader: sitk.ImageFileReader) -> None:
    """Look for NaN and infinity in a NIfTI file itself: ITK's NIfTI reader replaces them by 0 without a word."""
    is_nifti = source.name.lower().endswith((".nii", ".nii.gz", ".hdr", ".img", ".img.gz"))
    if not is_nifti or reader.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64):
        return
    values = nibabel.load(source).dataobj.get_unscaled()  # type: ignore[attr-defined]
    if np.issubdtype(values.dtype, np.floating):
        check_not_nan(np.asarray(values), source.name)


def _without_empty_axes(image: sitk.Image, source: Path) -> sitk.Image:
    """Drop a fourth axis of length 1, and the third axis of a picture format with one page."""
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        return image[:, :, :, 0]
    picture = source.suffix.lower() in (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
    if picture and image.GetDimension() == 3 and image.GetSize()[2] == 1:
        return image[:, :, 0]
    return image
