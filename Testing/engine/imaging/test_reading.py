"""Reading of good files of every kind, and one clear sentence for every bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.imaging import read_image
from mambamed.imaging import same_grid
from mambamed.imaging import write_image
from mambamed.imaging.dicom import series_in_folder
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import picture_phantom
from mambamed.imaging.phantoms import rotation_direction


def write_dicom_series(folder: Path, volume: sitk.Image, series: str = "1.2.826.0.1.3680043.2.1125.1") -> None:
    """Write slices as a scanner would, one file each, with position and orientation."""
    folder.mkdir(exist_ok=True)
    volume = sitk.Cast(volume, sitk.sitkInt16)
    direction = np.asarray(volume.GetDirection()).reshape(3, 3)
    orientation = "\\".join(f"{value:.10g}" for value in (*direction[:, 0], *direction[:, 1]))
    for index in range(volume.GetSize()[2]):
        plane = volume[:, :, index]
        slice_image = sitk.JoinSeries([plane])
        slice_image.SetSpacing(volume.GetSpacing())
        position = volume.TransformIndexToPhysicalPoint((0, 0, index))
        for key, value in {
            "0008|0060": "MR",
            "0020|000e": series,
            "0020|000d": "1.2.826.0.1.3680043.2.1125.9",
            "0020|0013": str(index + 1),
            "0008|0018": f"{series}.{index + 1}",
            "0020|0037": orientation,
            "0020|0032": "\\".join(f"{value:.10g}" for value in position),
            "0018|0050": f"{volume.GetSpacing()[2]:.10g}",
        }.items():
            slice_image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{series[-1]}_{(7 * index) % 97:03d}.dcm"))
        writer.Execute(slice_image)


def test_dicom_folder_is_one_volume_in_its_place(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(13, 11, 9), direction=rotation_direction((10.0, 5.0, -20.0)))
    write_dicom_series(tmp_path / "series", image)
    again = read_image(tmp_path / "series")
    assert same_grid(image, again)
    expected = sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkInt16))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), expected)


def test_several_dicom_series_are_not_guessed(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(7, 6, 5))
    write_dicom_series(tmp_path / "both", image)
    write_dicom_series(tmp_path / "both", image + 5, series="1.2.826.0.1.3680043.2.1125.2")
    with pytest.raises(BadRequestError, match="2 DICOM series"):
        read_image(tmp_path / "both")
    chosen = sorted(series_in_folder(tmp_path / "both"))[1]
    assert read_image(tmp_path / "both", series=chosen).GetSize() == (7, 6, 5)


def test_dicom_series_with_a_missing_slice(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(7, 6, 8))
    write_dicom_series(tmp_path / "series", image)
    sorted((tmp_path / "series").iterdir())[3].unlink()
    with pytest.raises(BadRequestError, match="slices are missing"):
        read_image(tmp_path / "series")


def test_folder_without_dicom(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="No DICOM series"):
        read_image(tmp_path)


@pytest.mark.parametrize(("ending", "channels"), [(".png", 1), (".png", 3), (".tif", 1), (".tif", 3)])
def test_pictures_are_2d(tmp_path: Path, ending: str, channels: int) -> None:
    picture, _ = picture_phantom(channels=channels)
    write_image(picture, tmp_path / f"picture{ending}")
    again = read_image(tmp_path / f"picture{ending}")
    assert again.GetDimension() == 2
    assert again.GetNumberOfComponentsPerPixel() == channels
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(picture))


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="does not exist"):
        read_image(tmp_path / "nowhere.nii.gz")
    (tmp_path / "empty.nii.gz").write_bytes(b"")
    with pytest.raises(BadRequestError, match="0 bytes"):
        read_image(tmp_path / "empty.nii.gz")
    (tmp_path / "text.nii.gz").write_text("hello")
    with pytest.raises(BadRequestError, match="not an image"):
        read_image(tmp_path / "text.nii.gz")


def test_damaged_file(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom()
    path = write_image(image, tmp_path / "volume.mha", compress=False)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadRequestError, match="damaged or incomplete"):
        read_image(path)


def test_four_axes(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(6, 5, 4))
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(tmp_path / "four.nii.gz"))
    with pytest.raises(BadRequestError, match="4D image"):
        read_image(tmp_path / "four.nii.gz")
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "single.nii.gz"))
    assert read_image(tmp_path / "single.nii.gz").GetDimension() == 3


def test_empty_and_not_finite_volumes(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom(size=(6, 5, 4))
    write_image(image * 0, tmp_path / "zero.nii.gz")
    with pytest.raises(BadRequestError, match="volume is empty"):
        read_image(tmp_path / "zero.nii.gz")
    image[1, 2, 3] = float("nan")
    image[2, 2, 2] = float("inf")
    write_image(image, tmp_path / "nan.nii.gz")
    with pytest.raises(BadRequestError, match="2 values that are not finite"):
        read_image(tmp_path / "nan.nii.gz")


@pytest.mark.parametrize("spacing_mm", [(0.00001, 1.0, 1.0), (1.0, 1.0, 5000.0)])
def test_absurd_spacing(tmp_path: Path, spacing_mm: tuple[float, float, float]) -> None:
    image, _ = ellipsoid_phantom(size=(6, 5, 4), spacing_mm=spacing_mm)
    write_image(image, tmp_path / "volume.mha")
    with pytest.raises(BadRequestError, match=r"spacing of volume\.mha"):
        read_image(tmp_path / "volume.mha")


def test_real_dicom_series(shared_folder: Path) -> None:
    volume = read_image(shared_folder / "data" / "chest_ct" / "cip" / "ct-64Dicom")
    reference = read_image(shared_folder / "data" / "chest_ct" / "cip" / "ct-64.nrrd")
    assert volume.GetSize() == reference.GetSize()
    np.testing.assert_allclose(volume.GetSpacing(), reference.GetSpacing(), rtol=1e-3)
