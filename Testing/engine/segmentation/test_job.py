"""The task ``segment`` in a job directory, run as the worker process runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.imaging import same_grid
from mambamed.imaging import write_image
from mambamed.imaging.phantoms import ellipsoid_phantom
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState
from mambamed.jobs.worker import run_job


def run(
    folder: Path, inputs: list[Path], settings: dict[str, Any], cache: dict[str, Any] | None = None
) -> JobDirectory:
    job = JobDirectory(folder)
    files = [{"name": f"image {number}", "path": str(path), "sha256": None} for number, path in enumerate(inputs)]
    job.create(JobRequest(task="segment", inputs=files, settings=settings))
    run_job(folder, {}, {} if cache is None else cache)
    return job


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    return write_image(ellipsoid_phantom(seed=3)[0], tmp_path / "t1.nii.gz")


def test_outputs_and_record(tmp_path: Path, trained_folder: Path, image_file: Path) -> None:
    settings = {"model": str(trained_folder), "device": "cpu", "probabilities": True, "uncertainty": True}
    job = run(tmp_path / "job", [image_file], settings)
    assert job.state() is JobState.DONE
    outputs = job.outputs
    assert set(outputs) == {
        "segmentation",
        "volumes",
        "uncertainty",
        "probability:one",
        "probability:two",
        "probability:three",
    }
    labelmap = sitk.ReadImage(str(outputs["segmentation"]))
    assert same_grid(labelmap, sitk.ReadImage(str(image_file)))
    rows = list(csv.DictReader(outputs["volumes"].read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["one", "two", "three"]
    array = sitk.GetArrayFromImage(labelmap)
    for row in rows:
        voxels = int(np.sum(array == int(row["value"])))
        assert int(row["voxels"]) == voxels
        assert float(row["volume_ml"]) == pytest.approx(voxels * 1.1 * 0.9 * 1.7 / 1000, abs=1e-3)
    record = json.loads(job.record_file.read_text(encoding="utf-8"))
    assert record["device"] == "cpu"
    assert record["settings"]["model"] == str(trained_folder)
    assert record["labels"][0]["name"] == "one"
    assert len(record["inputs"][0]["sha256"]) == 64
    assert record["durations_s"]["segment"] > 0


def test_model_is_kept_for_the_next_job(tmp_path: Path, trained_folder: Path, image_file: Path) -> None:
    cache: dict[str, Any] = {}
    settings = {"model": str(trained_folder), "device": "cpu"}
    run(tmp_path / "first", [image_file], settings, cache)
    kept = cache["segmentation-model"][-1]
    second = run(tmp_path / "second", [image_file], settings, cache)
    assert cache["segmentation-model"][-1] is kept
    assert second.state() is JobState.DONE
    plans = trained_folder / "plans.json"
    plans.write_text(plans.read_text(encoding="utf-8") + " ")
    run(tmp_path / "third", [image_file], settings, cache)
    assert cache["segmentation-model"][-1] is not kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "missing.nii.gz"}, "does not exist"),
        ({"model": "nowhere"}, "nowhere"),
        ({"settings": {"step_size": 3}}, "step size is 3"),
        ({"settings": {"labels": ["liver"]}}, "no label liver"),
        ({"inputs": []}, "No input image"),
    ],
)
def test_bad_requests_fail_with_one_sentence_and_leave_nothing(
    tmp_path: Path, trained_folder: Path, image_file: Path, change: dict[str, Any], message: str
) -> None:
    inputs = change.get("inputs", [tmp_path / change["image"]] if "image" in change else [image_file])
    settings = {"model": change.get("model", str(trained_folder)), "device": "cpu", **change.get("settings", {})}
    job = run(tmp_path / "job", inputs, settings)
    assert job.state() is JobState.FAILED
    errors = [event for event in job.events() if event["kind"] == "error"]
    assert message in errors[-1]["message"]
    assert "Traceback" not in errors[-1]["message"]
    assert not job.outputs
    assert not list((tmp_path / "job").rglob("*.nii.gz"))
