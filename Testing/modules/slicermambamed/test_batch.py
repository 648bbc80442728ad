"""The batch script in Slicer without a window: many formats, broken cases, a second run, exit codes."""

from __future__ import annotations

import csv
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from extension.cmake_lists import REPOSITORY
from modules.tiny_model import write_tiny_model

SCRIPT = REPOSITORY / "SlicerMambaMed" / "SlicerMambaMedLib" / "Scripts" / "SegmentBatch.py"


def _slicer(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "slicer_host.slicer_command", "--no-splash", "--no-main-window"]
    command += ["--python-script", str(SCRIPT), *map(str, words)]
    search = os.pathsep.join([str(REPOSITORY / "Testing"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)


def _head(seed: int) -> SimpleITK.Image:
    z, y, x = np.mgrid[-1:1:18j, -1:1:22j, -1:1:20j]
    voxels = 400.0 * (x**2 + y**2 + z**2 < 0.8) + 300.0 * ((x - 0.1) ** 2 + y**2 + z**2 < 0.3)
    voxels += np.random.default_rng(seed).normal(0, 15, voxels.shape)
    image = SimpleITK.GetImageFromArray(np.clip(voxels, 0, None).astype(np.int16))
    image.SetSpacing((3.5, 3.0, 4.0))
    image.SetOrigin((-31.0, -20.5, 7.25))
    angle = np.deg2rad(17.0)
    image.SetDirection((np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1))
    return image


def _write_dicom(image: SimpleITK.Image, folder: Path) -> None:
    folder.mkdir()
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    for index in range(image.GetSize()[2]):
        plane = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        tags = {
            "0008|0060": "MR",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
            "0020|000d": "1.2.826.0.1.3680043.2.1125.2",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.3.{index}",
            "0020|0013": str(index),
            "0020|0032": "\\".join(f"{value:.10g}" for value in position),
            "0020|0037": "\\".join(f"{value:.10g}" for value in direction.T[:2].ravel()),
        }
        for tag, value in tags.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{index:03d}.dcm"))
        writer.Execute(plane)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Cases of all formats among broken ones, a model, and the first run over them."""
    folder = tmp_path_factory.mktemp("batch")
    cases = folder / "cases"
    cases.mkdir()
    image = _head(0)
    SimpleITK.WriteImage(image, str(cases / "a_nifti.nii.gz"))
    SimpleITK.WriteImage(image, str(cases / "b_nrrd.nrrd"))
    SimpleITK.WriteImage(image, str(cases / "c_mha.mha"))
    _write_dicom(image, cases / "d_dicom")
    (cases / "e_broken.nii.gz").write_bytes(b"this is no image")
    nan = SimpleITK.Cast(image, SimpleITK.sitkFloat32) * float("nan")
    SimpleITK.WriteImage(nan, str(cases / "f_nan.nrrd"))
    (cases / "notes.txt").write_text("not an image")
    model = write_tiny_model(folder / "model")
    run = _slicer("--input", cases, "--model", model, "--output", folder / "out", "--device", "cpu")
    return folder, run


def _summary(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


GOOD = ("a_nifti", "b_nrrd", "c_mha", "d_dicom")


def test_good_cases_are_done_and_bad_ones_named_in_the_summary(work):
    folder, run = work
    assert run.returncode == 1, run.stdout + run.stderr
    rows = _summary(folder / "out")
    assert {name: row["state"] for name, row in rows.items()} == {
        **dict.fromkeys(GOOD, "done"),
        "e_broken": "failed",
        "f_nan": "failed",
    }
    assert "cannot be read as an image" in rows["e_broken"]["message"]
    assert "Traceback" not in rows["f_nan"]["message"]
    assert "4 of 6 cases are done" in run.stdout
    names = sorted(path.name for path in (folder / "out").iterdir())
    assert names == sorted([*GOOD, "summary.csv"])


def test_all_formats_give_the_same_segmentation_at_the_inputs_place(work):
    folder, _ = work
    head = _head(0)
    first = None
    for name in GOOD:
        image = SimpleITK.ReadImage(str(folder / "out" / name / "segmentation.seg.nrrd"))
        # A segmentation file holds the part of the grid that is not empty: bring it back onto the whole grid.
        whole = SimpleITK.Resample(image, head, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 0)
        voxels = SimpleITK.GetArrayFromImage(whole)
        first = voxels if first is None else first
        np.testing.assert_array_equal(voxels, first)
        np.testing.assert_allclose(image.GetSpacing(), head.GetSpacing(), rtol=1e-6)
        offset = head.TransformPhysicalPointToContinuousIndex(image.GetOrigin())
        np.testing.assert_allclose(offset, np.round(offset), atol=1e-3)
        record = json.loads((folder / "out" / name / "record.json").read_text(encoding="utf-8"))
        assert record["task"] == "segment"
    assert set(np.unique(first)) > {0}


def test_the_result_is_that_of_the_engine_alone(work, tmp_path):
    folder, _ = work
    command = [sys.executable, "-m", "mambamed", "segment", str(folder / "cases" / "a_nifti.nii.gz")]
    command += ["--model", str(folder / "model"), "--output", str(tmp_path / "alone.nii.gz"), "--device", "cpu"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    alone = SimpleITK.ReadImage(str(tmp_path / "alone.nii.gz"))
    rows = _summary(folder / "out")
    voxels = SimpleITK.GetArrayFromImage(alone)
    size_ml = float(np.prod(alone.GetSpacing())) / 1000
    for value, name in ((1, "inner"), (2, "outer")):
        assert float(rows["a_nifti"][f"{name} (ml)"]) == pytest.approx((voxels == value).sum() * size_ml, abs=1e-3)


def test_a_second_run_skips_what_is_done_and_other_settings_are_not_mixed(work):
    folder, _ = work
    stamp = (folder / "out" / "a_nifti" / "segmentation.seg.nrrd").stat().st_mtime_ns
    words = ["--input", folder / "cases", "--model", folder / "model", "--output", folder / "out", "--device", "cpu"]
    run = _slicer(*words)
    rows = _summary(folder / "out")
    assert [rows[name]["state"] for name in GOOD] == ["skipped"] * 4
    assert rows["a_nifti"]["outer (ml)"]
    assert (folder / "out" / "a_nifti" / "segmentation.seg.nrrd").stat().st_mtime_ns == stamp
    assert run.returncode == 1
    run = _slicer(*words, "--step-size", "1.0")
    rows = _summary(folder / "out")
    assert "other settings" in rows["a_nifti"]["message"]
    assert (folder / "out" / "a_nifti" / "segmentation.seg.nrrd").stat().st_mtime_ns == stamp


def test_a_table_of_good_cases_ends_with_exit_code_0(work, tmp_path):
    folder, _ = work
    table = tmp_path / "cases.csv"
    table.write_text(f"case,image\nfirst,{folder / 'cases' / 'a_nifti.nii.gz'}\n")
    run = _slicer("--input", table, "--model", folder / "model", "--output", tmp_path / "out", "--labels", "outer")
    assert run.returncode == 0, run.stdout + run.stderr
    row = _summary(tmp_path / "out")["first"]
    assert "outer (ml)" in row
    assert "inner (ml)" not in row


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--input", "gone", "--model", "{model}", "--output", "{out}"], "gone does not exist"),
        (["--input", "{cases}", "--model", "no-such-model", "--output", "{out}"], "no-such-model"),
        (["--input", "{cases}", "--model", "{model}"], "--output"),
        (["--input", "{cases}", "--model", "{model}", "--output", "{out}", "--step-size", "7"], "step size"),
    ],
)
def test_what_cannot_be_started_ends_with_exit_code_2_and_one_sentence(
    slicer_host, work, tmp_path, capsys, words, cause
):
    folder, _ = work
    places = {"cases": folder / "cases", "model": folder / "model", "out": tmp_path / "out"}
    script = runpy.run_path(str(SCRIPT), run_name="SegmentBatch")
    assert script["main"]([word.format(**places) for word in words]) == 2
    error = capsys.readouterr().err
    assert cause in error
    assert "Traceback" not in error
