"""The batch script in Slicer without a window: pairs of a table, broken ones among them, a second run, exit codes."""

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
import SimpleITK as sitk
from extension.cmake_lists import REPOSITORY

SCRIPT = REPOSITORY / "DISARegistration" / "DISARegistrationLib" / "Scripts" / "RegisterBatch.py"
CHOICES = ("--method", "ncc", "--transform", "rigid", "--initial", "header", "--device", "cpu")
SHIFT = (6.0, -4.0, 5.0)


def _slicer(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "slicer_host.slicer_command", "--no-splash", "--no-main-window"]
    command += ["--python-script", str(SCRIPT), *map(str, words)]
    search = os.pathsep.join([str(REPOSITORY / "Testing"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)


def _head() -> sitk.Image:
    z, y, x = np.mgrid[-1:1:18j, -1:1:22j, -1:1:20j]
    voxels = 400.0 * (x**2 + y**2 + z**2 < 0.8) + 300.0 * ((x - 0.3) ** 2 + (y - 0.2) ** 2 + z**2 < 0.2)
    voxels += np.random.default_rng(1).normal(0, 8, voxels.shape)
    image = sitk.GetImageFromArray(np.clip(voxels, 0, None).astype(np.float32))
    image.SetSpacing((5.5, 5.0, 6.0))
    image.SetOrigin((-51.0, -50.5, -57.25))
    return image


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A good pair with all extras, a broken one, and the first run over them."""
    folder = tmp_path_factory.mktemp("pairs")
    fixed = _head()
    moving = sitk.Image(fixed)
    moving.SetOrigin(np.add(fixed.GetOrigin(), SHIFT).tolist())
    sitk.WriteImage(fixed, str(folder / "mr.nii.gz"))
    sitk.WriteImage(moving, str(folder / "ct.nrrd"))
    mask = sitk.Cast(fixed > 50, sitk.sitkUInt8)
    sitk.WriteImage(mask, str(folder / "mask.nrrd"))
    sitk.WriteTransform(sitk.TranslationTransform(3, (4.0, -4.0, 4.0)), str(folder / "start.tfm"))
    for name, shift in (("f.csv", (0, 0, 0)), ("m.csv", SHIFT)):
        rows = [np.add(point, shift) for point in ((10, 0, 0), (0, 20, 5), (-10, -10, -15))]
        (folder / name).write_text("x,y,z\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    (folder / "broken.nii.gz").write_bytes(b"this is no image")
    (folder / "pairs.csv").write_text(
        "case,fixed,moving,fixed_mask,initial_transform,fixed_landmarks,moving_landmarks\n"
        "good,mr.nii.gz,ct.nrrd,mask.nrrd,,f.csv,m.csv\n"
        "broken,mr.nii.gz,broken.nii.gz,,,,\n"
        "absent,mr.nii.gz,none.nrrd,,,,\n"
    )
    run = _slicer("--input", folder / "pairs.csv", "--output", folder / "out", *CHOICES)
    return folder, run


def _summary(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def test_a_good_pair_is_done_and_bad_ones_are_named_in_the_summary(work):
    folder, run = work
    assert run.returncode == 1, run.stdout + run.stderr
    rows = _summary(folder / "out")
    assert {name: row["state"] for name, row in rows.items()} == {
        "good": "done",
        "broken": "failed",
        "absent": "failed",
    }
    assert "cannot be read as an image" in rows["broken"]["message"]
    assert "does not exist" in rows["absent"]["message"]
    assert "1 of 3 pairs are done" in run.stdout
    assert float(rows["good"]["landmarks before (mm)"]) == pytest.approx(np.linalg.norm(SHIFT), abs=0.01)
    assert float(rows["good"]["landmarks after (mm)"]) < 2.0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["good", "summary.csv"]


def test_the_saved_transform_is_that_of_the_saved_volume(work):
    folder, _ = work
    result = folder / "out" / "good"
    transform = sitk.ReadTransform(str(result / "transform.h5"))
    fixed, moving = sitk.ReadImage(str(folder / "mr.nii.gz")), sitk.ReadImage(str(folder / "ct.nrrd"))
    for point in ((0.0, 0.0, 0.0), (20.0, -30.0, 25.0)):
        np.testing.assert_allclose(transform.TransformPoint(point), np.add(point, SHIFT), atol=2.0)
    applied = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, 0.0))
    warped = sitk.GetArrayFromImage(sitk.ReadImage(str(result / "warped.nrrd")))
    inside = (slice(2, -2),) * 3
    np.testing.assert_allclose(warped[inside], applied[inside], atol=1e-2)
    record = json.loads((result / "record.json").read_text(encoding="utf-8"))
    assert record["task"] == "register"
    assert [item["name"] for item in record["inputs"]][2:] == ["fixed-mask", "fixed-landmarks", "moving-landmarks"]


def test_a_second_run_skips_what_is_done_and_other_settings_are_not_mixed(work):
    folder, _ = work
    stamp = (folder / "out" / "good" / "transform.h5").stat().st_mtime_ns
    words = ["--input", folder / "pairs.csv", "--output", folder / "out", *CHOICES]
    assert _slicer(*words).returncode == 1
    assert _summary(folder / "out")["good"]["state"] == "skipped"
    assert _slicer(*words, "--seed", "5").returncode == 1
    assert "other settings" in _summary(folder / "out")["good"]["message"]
    assert (folder / "out" / "good" / "transform.h5").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--input", "gone.csv", "--output", "{out}"], "gone.csv does not exist"),
        (["--input", "{table}", "--output", "{out}", "--preset", "knee"], "knee"),
        (["--input", "{table}"], "--output"),
        (["--input", "{table}", "--output", "{out}", "--method", "ncc", "--transform", "deformable"], "deformable"),
    ],
)
def test_what_cannot_be_started_ends_with_exit_code_2_and_one_sentence(slicer_host, tmp_path, capsys, words, cause):
    table = tmp_path / "pairs.csv"
    table.write_text("fixed,moving\na.nii.gz,b.nii.gz\n")
    script = runpy.run_path(str(SCRIPT), run_name="RegisterBatch")
    assert script["main"]([word.format(table=table, out=tmp_path / "out") for word in words]) == 2
    error = capsys.readouterr().err
    assert cause in error
    assert "Traceback" not in error
