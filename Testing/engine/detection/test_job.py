"""The task ``detect``: its files say the same, and lie where the record says."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from engine.detection.scripted_detector import scripted_model
from engine.detection.solid_phantoms import empty_grid
from engine.detection.solid_phantoms import rotation
from engine.detection.solid_phantoms import volume_with_solids
from mambamed.detection import job as detection_job
from mambamed.detection.annotations import read_dota_text
from mambamed.detection.settings import DetectionSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.context import JobContext
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.request import JobRequest

CENTRE = (12.0, -7.0, 31.0)


@pytest.fixture
def run_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the task on an image file with the scripted detector and return the job directory."""
    monkeypatch.setattr(detection_job, "load_detector", lambda model, device: scripted_model())

    def run(path: Path, name: str = "job", input_name: str = "image", **settings: Any) -> JobDirectory:
        item = {"name": input_name, "path": str(path), "sha256": None}
        if "spacing_is_known" in settings:
            item["spacing_is_known"] = settings.pop("spacing_is_known")
        chosen = DetectionSettings(**{"model": "scripted", **settings})
        job = JobDirectory(tmp_path / name).create(JobRequest("detect", [item], chosen.to_json()))
        context = JobContext(job.path)
        context.begin()
        detection_job.run(context.request, context)
        context.complete()
        return job

    return run


def _volume(folder: Path) -> Path:
    grid = empty_grid((61, 53, 17), (0.8, 0.8, 2.5), rotation((0, 1, 0), 10), CENTRE)
    axes = rotation((0, 0, 1), 30.0)
    solids = [((10, -3, 33), axes, (16, 6, 9), 100), ((18, -14, 29), axes, (10, 5, 9), 60)]
    image = volume_with_solids(sitk.Flip(grid, [True, False, True]), solids)
    sitk.WriteImage(image, str(folder / "volume.nrrd"))
    return folder / "volume.nrrd"


def _read(job: JobDirectory, name: str) -> Any:
    return json.loads(job.outputs[name].read_text(encoding="utf-8"))


def test_files_of_a_volume(tmp_path: Path, run_job) -> None:
    job = run_job(_volume(tmp_path))
    found = _read(job, "detections")
    assert found["format_version"] == 1
    assert [label["name"] for label in found["labels"]] == ["dim", "bright"]
    assert found["image"]["plane"] == "axial"
    assert found["image"]["slice_axis"] == 2
    assert found["image"]["slices"] == [0, 16]
    assert len(found["objects"]) == 2
    boxes = {box["id"]: box for box in found["boxes"]}
    for item in found["objects"]:
        assert [boxes[number]["object"] for number in item["boxes"]] == [item["id"]] * len(item["boxes"])
        assert item["size_mm"] == [item["length_mm"], item["width_mm"], item["depth_mm"]]
    markups = _read(job, "markups")["markups"]
    assert [item["name"] for item in markups] == ["bright 1", "dim 2"]
    for markup, item in zip(markups, found["objects"], strict=True):
        np.testing.assert_allclose(markup["center"], item["centre_lps_mm"])
        np.testing.assert_allclose(np.reshape(markup["orientation"], (3, 3)).T, item["axes_lps"])
        assert markup["size"] == item["size_mm"]
    with job.outputs["objects_table"].open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    lengths_mm = [item["length_mm"] for item in found["objects"]]
    assert [float(row["length_mm"]) for row in rows] == pytest.approx(lengths_mm, rel=1e-5)
    with job.outputs["table"].open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(boxes)
    assert [int(row["slice"]) for row in rows] == [box["slice"] for box in found["boxes"]]
    number = found["boxes"][0]["slice"]
    annotated = read_dota_text(job.outputs[f"dota:{number}"])
    assert len(annotated) == sum(box["slice"] == number for box in found["boxes"])
    centre = np.mean(found["boxes"][0]["corners_px"], axis=0)
    assert [annotated[0].box.cx, annotated[0].box.cy] == pytest.approx(centre, abs=0.02)


def test_record_of_a_volume(tmp_path: Path, run_job) -> None:
    job = run_job(_volume(tmp_path), intensity_range=(0, 100))
    record = job.result()
    assert record is not None
    found = _read(job, "detections")
    assert record["counts"]["bright"] == {
        "boxes": sum(box["label"] == "bright" for box in found["boxes"]),
        "objects": 1,
    }
    assert record["model"]["id"] == "tiny-detector"
    assert record["model"]["demonstration_only"] is True
    assert record["labels"] == found["labels"]
    assert record["image"] == found["image"]
    assert record["device"] == "cpu"
    assert record["dtype"] == "float32"
    assert record["inputs"][0]["sha256"]
    assert {"read", "load model", "look", "write", "total"} <= set(record["durations_s"])


def test_files_of_a_picture(tmp_path: Path, run_job) -> None:
    values = np.zeros((60, 90), dtype=np.uint8)
    values[20:26, 30:50] = 100
    path = tmp_path / "picture.png"
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    job = run_job(path)
    assert set(job.outputs) == {"detections", "table", "markups", "dota"}
    found = _read(job, "detections")
    (box,) = found["boxes"]
    assert found["objects"] == []
    assert found["image"]["spacing_is_known"] is False
    assert (box["slice"], box["length_mm"], box["object"]) == (None, None, None)
    assert box["length_px"] == pytest.approx(20, abs=0.1)
    assert box["angle_deg"] == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(np.mean(box["corners_px"], axis=0), [39.5, 22.5])
    (markup,) = _read(job, "markups")["markups"]
    np.testing.assert_allclose(markup["center"], [39.5, 22.5, 0.0])
    np.testing.assert_allclose(markup["size"], [20, 6, 1], atol=0.1)
    (item,) = read_dota_text(job.outputs["dota"])
    assert item.box.label == "bright"
    known = _read(run_job(path, "known", spacing_is_known=True), "detections")
    assert known["boxes"][0]["length_mm"] == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(("spacing_mm", "is_known"), [(0.25, True), (25.4 / 72, False), (25.4 / 300, False)])
def test_a_resolution_for_printing_is_no_size(tmp_path: Path, run_job, spacing_mm: float, is_known: bool) -> None:
    values = np.zeros((60, 90), dtype=np.uint8)
    values[20:26, 30:50] = 100
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((spacing_mm, spacing_mm))
    path = tmp_path / "picture.tif"
    sitk.WriteImage(image, str(path))
    assert _read(run_job(path), "detections")["image"]["spacing_is_known"] is is_known


def test_nothing_found_is_a_result(tmp_path: Path, run_job) -> None:
    values = np.zeros((40, 50), dtype=np.uint8)
    values[0, 0] = 100
    path = tmp_path / "picture.png"
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    job = run_job(path, score_threshold=0.99)
    assert _read(job, "detections")["boxes"] == []
    assert _read(job, "markups")["markups"] == []
    assert job.outputs["dota"].read_text(encoding="utf-8") == ""
    assert job.outputs["table"].read_text(encoding="utf-8").count("\n") == 1


def test_requests_that_cannot_be_meant(tmp_path: Path, run_job) -> None:
    with pytest.raises(BadRequestError, match="The inputs are ct"):
        run_job(tmp_path / "none.png", "a", "ct")
    with pytest.raises(BadRequestError, match="does not exist"):
        run_job(tmp_path / "none.png", "b")
    (tmp_path / "text.png").write_text("no image", encoding="utf-8")
    with pytest.raises(BadRequestError, match="is not an image"):
        run_job(tmp_path / "text.png", "c")
    with pytest.raises(BadRequestError, match="No model is chosen"):
        run_job(_volume(tmp_path), "d", model="")
