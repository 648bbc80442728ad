"""The task ``register`` in a job directory, run as the worker process runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from engine.registration.one_pass.fitted_network import shifting_model
from engine.registration.structured import moved_image
from engine.registration.structured import rigid_truth
from engine.registration.structured import structured_image
from engine.registration.structured import target_error_mm
from engine.registration.structured import target_points
from mambamed.imaging import same_grid
from mambamed.imaging import write_image
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.jobs.worker import run_job
from mambamed.registration.job import read_transform

SETTINGS: dict[str, Any] = {
    "method": "mind-ssc",
    "working_spacing_mm": 2.0,
    "stride": 2,
    "search": "global-narrow",
    "starts": 20,
    "initial": "transform",
    "similarity_map": True,
    "cache": False,
}


def run(folder: Path, inputs: dict[str, Path], settings: dict[str, Any]) -> JobDirectory:
    job = JobDirectory(folder)
    files = [{"name": name, "path": str(path), "sha256": None} for name, path in inputs.items()]
    job.create(JobRequest(task="register", inputs=files, settings=settings))
    run_job(folder, {}, {})
    return job


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    image = structured_image()
    truth = rigid_truth((5.0, -4.0, 6.0), (40.0, -9.0, 14.0), image)
    sitk.WriteTransform(sitk.TranslationTransform(3, (38.0, -10.0, 12.0)), str(tmp_path / "start.tfm"))
    points = target_points(image, 5)
    lines = ["x,y,z", *(",".join(map(str, point)) for point in points)]
    (tmp_path / "fixed.csv").write_text("\n".join(lines))
    moved = [list(truth.TransformPoint(point)) for point in points]
    markups = {"markups": [{"coordinateSystem": "LPS", "controlPoints": [{"position": point} for point in moved]}]}
    (tmp_path / "moving.mrk.json").write_text(json.dumps(markups))
    mask = sitk.Cast(sitk.Abs(image) >= 0, sitk.sitkUInt8)
    return {
        "fixed": write_image(image, tmp_path / "fixed.nii.gz"),
        "moving": write_image(moved_image(image, truth), tmp_path / "moving.nii.gz"),
        "fixed-mask": write_image(mask, tmp_path / "mask.nii.gz"),
        "initial-transform": tmp_path / "start.tfm",
        "fixed-landmarks": tmp_path / "fixed.csv",
        "moving-landmarks": tmp_path / "moving.mrk.json",
    }


def test_outputs_and_record(tmp_path: Path, files: dict[str, Path]) -> None:
    job = run(tmp_path / "job", files, SETTINGS)
    assert job.state() is JobState.DONE, job.status()
    assert set(job.outputs) == {"transform", "inverse", "warped", "jacobian", "similarity-map"}
    fixed, moving = (sitk.ReadImage(str(files[name]), sitk.sitkFloat32) for name in ("fixed", "moving"))
    warped = sitk.ReadImage(str(job.outputs["warped"]))
    assert same_grid(warped, fixed)
    truth = rigid_truth((5.0, -4.0, 6.0), (40.0, -9.0, 14.0), structured_image())
    transform = read_transform(job.outputs["transform"])
    assert target_error_mm(transform, truth, fixed) < 0.5
    back = read_transform(job.outputs["inverse"])
    point = target_points(fixed, 1)[0]
    np.testing.assert_allclose(back.TransformPoint(transform.TransformPoint(point)), point, atol=1e-6)
    array = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear))
    difference = np.abs(array - sitk.GetArrayFromImage(warped))[5:-5, 5:-5, 5:-5]
    assert difference.max() < 0.1
    record = json.loads(job.record_file.read_text(encoding="utf-8"))
    quality = record["quality"]
    assert quality["landmarks"]["after_mean_mm"] < 0.5 < quality["landmarks"]["before_mean_mm"]
    assert quality["restart_spread"]["starts"] == 20
    assert quality["folded_percent"] == 0.0
    assert record["settings"]["starts"] == 20
    assert record["device"]
    kinds = [event["kind"] for event in job.events()]
    assert "metric" in kinds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moving": None}, "The moving volume is not given"),
        ({"other": "fixed"}, 'The input "other" is unknown'),
        ({"initial-transform": "fixed-landmarks"}, "is not a transform; expected"),
        ({"fixed-landmarks": "fixed"}, "not a list of landmarks"),
        ({"moving": "fixed-landmarks"}, "not an image"),
    ],
)
def test_bad_inputs(tmp_path: Path, files: dict[str, Path], change: dict[str, str | None], message: str) -> None:
    inputs = {**files, **{name: files[source] for name, source in change.items() if source is not None}}
    inputs = {name: path for name, path in inputs.items() if change.get(name, "") is not None}
    status = run(tmp_path / "job", inputs, SETTINGS).status()
    assert status.state is JobState.FAILED
    assert status.exit_code is ExitCode.BAD_REQUEST
    assert message in status.message


def test_what_is_wrong_is_said_of_the_volume_not_of_the_file(tmp_path: Path, files: dict[str, Path]) -> None:
    bad = sitk.ReadImage(str(files["moving"]))
    bad[3, 4, 5] = float("nan")
    sitk.WriteImage(bad, str(tmp_path / "bad.nrrd"))
    status = run(tmp_path / "job", {**files, "moving": tmp_path / "bad.nrrd"}, SETTINGS).status()
    assert "not finite (NaN or infinity) in the moving volume" in status.message


def test_a_damaged_transform(tmp_path: Path, files: dict[str, Path]) -> None:
    (tmp_path / "bad.tfm").write_text("#Insight Transform File V1.0\nTransform: Nonsense_double_3_3\n")
    status = run(tmp_path / "job", {**files, "initial-transform": tmp_path / "bad.tfm"}, SETTINGS).status()
    assert "not a transform that can be read" in status.message


def test_a_network_with_its_model_in_the_record(tmp_path: Path) -> None:
    model = shifting_model(tmp_path / "model", (0.5, 0.0, 0.0))
    image = structured_image(8, (30, 50, 28), detail=3.0)
    path = write_image(image, tmp_path / "image.nii.gz")
    settings = {"method": f"network:{model}", "initial": "header", "search": "none", "cache": False, "device": "cpu"}
    job = run(tmp_path / "job", {"fixed": path, "moving": path}, settings)
    assert job.state() is JobState.DONE, job.status()
    assert {"transform", "inverse", "displacement", "warped", "jacobian"} <= set(job.outputs)
    record = job.result() or {}
    assert record["model"]["id"] == "shifting"
    assert list(record["model"]["sha256"]) == ["weights.safetensors"]
    point = np.array(image.TransformContinuousIndexToPhysicalPoint((15.0, 25.0, 14.0)))
    moved = read_transform(job.outputs["transform"]).TransformPoint(point.tolist())
    np.testing.assert_allclose(moved, np.add(point, (2.0, 0.0, 0.0)), atol=2e-3)
