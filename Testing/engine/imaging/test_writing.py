"""Results are complete or absent, and every failure is one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError
from mambamed.imaging import check_output_path
from mambamed.imaging import replace_atomically
from mambamed.imaging import same_grid
from mambamed.imaging import write_image
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.imaging.phantoms import rotation_direction


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_written_image_keeps_values_and_oblique_geometry(tmp_path: Path, ending: str) -> None:
    image, _ = ellipsoid_phantom(direction=rotation_direction((12.0, -7.0, 25.0)))
    path = write_image(image, tmp_path / f"volume{ending}")
    again = sitk.ReadImage(str(path))
    assert same_grid(image, again)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(again))
    assert [item.name for item in tmp_path.iterdir()] == [f"volume{ending}"]


def test_existing_output_needs_overwrite(tmp_path: Path) -> None:
    image, labels = ellipsoid_phantom()
    path = write_image(image, tmp_path / "a.nii.gz")
    with pytest.raises(BadRequestError, match=r"exists already.*--overwrite"):
        write_image(labels, path)
    write_image(labels, path, overwrite=True)
    assert sitk.ReadImage(str(path)).GetPixelID() == sitk.sitkUInt8


def test_failure_while_writing_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "volumes.csv"
    path.write_text("old")

    def write_half() -> None:
        with replace_atomically(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise KeyError("interrupted")

    with pytest.raises(KeyError):
        write_half()
    assert path.read_text(encoding="utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["volumes.csv"]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BadRequestError, match="cannot be written"):
        check_output_path(tmp_path / "file" / "a.nii.gz")
    with pytest.raises(BadRequestError, match="is a folder"):
        check_output_path(tmp_path)


def test_unknown_ending(tmp_path: Path) -> None:
    image, _ = ellipsoid_phantom()
    with pytest.raises(BadRequestError, match="ending"):
        write_image(image, tmp_path / "a.xyz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a POSIX feature")
@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".tif"])
def test_short_write_is_found(tmp_path: Path, ending: str) -> None:
    """A file-size limit makes the writes fail as a full disk does; some writers of ITK stay silent about it."""
    script = """
import resource, signal, sys
import numpy as np
import SimpleITK as sitk
from mambamed.errors import MambaMedError
from mambamed.imaging import write_image
image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 255, (40, 50, 60)).astype(np.uint8))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_image(image, sys.argv[1])
except MambaMedError as error:
    print(error)
"""
    path = tmp_path / f"volume{ending}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[3] / "SlicerMambaMed")},
    )
    assert "the disk is full" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_error_of_the_file_system_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MambaMedError, match="could not be written"), replace_atomically(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
