"""A whole training on few small pictures: its model folder, its job, its resume, its ablation table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mambamed.detection.model import load_detector
from mambamed.detection.synthetic import SyntheticSettings
from mambamed.detection.synthetic import write_data_set
from mambamed.detection.training.ablation import ablation_table
from mambamed.detection.training.ablation import run_ablation
from mambamed.detection.training.data import prepare_data
from mambamed.detection.training.learning import fit_detector
from mambamed.detection.training.settings import PRESETS
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import choose_rows
from mambamed.detection.training.tiles import TileSet
from mambamed.detection.training.training import train_detector
from mambamed.detection.training.training import train_on
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.jobs.context import JobContext
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState
from mambamed.jobs.tasks import task_function


def _settings(**changes: Any) -> DetectionTrainingSettings:
    small = {
        **PRESETS["cpu"],
        "synthetic": "ct",
        "synthetic_images": 5,
        "synthetic_test_images": 2,
        "synthetic_size_px": 64,
        "tile_px": 64,
        "overlap_px": 16,
        "width": 0.125,
        "feature_channels": 8,
        "batch_size": 2,
        "epochs": 2,
        "device": "cpu",
    }
    return DetectionTrainingSettings(**{**small, **changes})


def test_a_synthetic_training_ends_with_a_model_folder(tmp_path: Path) -> None:
    report = train_detector(_settings(), tmp_path / "work", tmp_path / "model")
    model = load_detector(tmp_path / "model", "cpu")
    assert model.labels == ("nodule", "vessel", "needle")
    assert model.card.demonstration_only
    assert model.description.tile_size_px == 64
    assert report["images"] == 5
    assert 0 <= report["test"]["ap50"] <= 1
    assert report["test"]["images"] == 2
    assert {metric.name for metric in model.card.metrics} >= {"AP50 (11 recalls)", "AP75 (11 recalls)"}
    assert json.loads((tmp_path / "model" / "report.json").read_text(encoding="utf-8")) == report
    images = torch.zeros(1, 3, 64, 64)
    assert torch.isfinite(model.network(images).cls_logits).all()


def test_the_users_images_are_parted_or_measured_on_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_data_set(folder, SyntheticSettings(domain="aerial", size=(64, 64)), "train", 5)
    settings = _settings(synthetic="", dataset=str(folder), held_out_share=0.4)
    data = prepare_data(settings, tmp_path)
    assert (len(data.train), len(data.test), data.seen) == (3, 2, False)
    assert not {image.name for image in data.train} & {image.name for image in data.test}
    assert prepare_data(settings.replace(held_out_share=0.0), tmp_path).seen
    other = prepare_data(settings.replace(test_dataset=str(folder)), tmp_path)
    assert (len(other.train), len(other.test)) == (5, 5)
    assert prepare_data(settings.replace(classes=("whale", "vehicle")), tmp_path).classes == ("vehicle",)
    with pytest.raises(BadRequestError, match="no objects of whale"):
        prepare_data(settings.replace(classes=("whale",)), tmp_path)
    with pytest.raises(BadRequestError, match="Two images"):
        prepare_data(settings.replace(further_datasets=(str(folder),)), tmp_path)
    write_data_set(tmp_path / "more", SyntheticSettings(domain="ct", size=(64, 64)), "test", 2)
    both = prepare_data(settings.replace(further_datasets=(str(tmp_path / "more"),)), tmp_path)
    assert len(both.train) + len(both.test) == 7
    report = train_detector(
        settings.replace(held_out_share=0.0, epochs=1, method="atss-o"), tmp_path / "work", tmp_path / "model"
    )
    assert report["measured_on_training_images"]
    assert "trained on" in load_detector(tmp_path / "model", "cpu").card.limits[0]


def test_pictures_are_learned_by_heart_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_data_set(folder, SyntheticSettings(domain="aerial", size=(64, 64)), "train", 2)
    settings = _settings(
        synthetic="", dataset=str(folder), held_out_share=0.0, batch_size=1, flips=False, epochs=75, width=0.25
    ).replace(feature_channels=24, norm="group", g=1.2)
    report = train_detector(settings, tmp_path / "work", tmp_path / "model")
    assert report["test"]["ap50"] > 0.9


class _Warned(NullReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.shares: list[float] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        if name == "objects learned":
            self.shares.append(value)


def test_objects_that_no_prior_learns_are_told_of(tmp_path: Path) -> None:
    settings = _settings(epochs=60, g=0.0)  # a gate that lets nothing pass but a prior in an object's very centre
    data = prepare_data(settings, tmp_path)
    tiles = TileSet(data.train, data.classes, tile_px=64, overlap_px=16)
    said = _Warned()
    fit_detector(tiles, 3, settings, tmp_path / "fit", said)
    assert max(said.shares) < 0.5
    assert len(said.warnings) == 1
    assert "--largest-offset" in said.warnings[0]


def test_batch_norm_of_single_tiles_is_warned_of(tmp_path: Path) -> None:
    data = prepare_data(_settings(), tmp_path)
    tiles = TileSet(data.train[:1], data.classes, tile_px=64, overlap_px=16)
    said = {}
    for norm, size in (("batch", 1), ("batch", 2), ("group", 1)):
        reporter = _Warned()
        settings = _settings(norm=norm, batch_size=size, epochs=1)
        fit_detector(tiles, 3, settings, tmp_path / f"{norm}{size}", reporter)
        said[norm, size] = reporter.warnings
    assert "--norm group" in said["batch", 1][0]
    assert said["batch", 2] == said["group", 1] == []


class _Stopping(NullReporter):
    stop_requested = True


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = _settings()
    data = prepare_data(settings, tmp_path)
    tiles = TileSet(data.train, data.classes, tile_px=64, overlap_px=16, seed=settings.seed)
    whole = fit_detector(tiles, 3, settings, tmp_path / "whole", NullReporter())
    for _ in range(3):
        with pytest.raises(JobCancelledError, match="stopped"):
            fit_detector(tiles, 3, settings, tmp_path / "parts", _Stopping(), resume=True)
    parts = fit_detector(tiles, 3, settings, tmp_path / "parts", NullReporter(), resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_as_a_job(tmp_path: Path) -> None:
    job = JobDirectory(tmp_path / "job").create(
        JobRequest(task="train-detection", settings=_settings(epochs=1).to_json())
    )
    context = JobContext(job.path)
    context.begin()
    task_function("train-detection")(context.request, context)
    context.complete()
    assert job.state() is JobState.DONE
    assert (job.path / job.result()["outputs"]["model"] / "model-card.json").is_file()
    names = {event["name"] for event in job.events() if event["kind"] == "metric"}
    assert {"class loss", "box loss", "ap50"} <= names


def test_rows_of_the_study_beside_its_numbers(tmp_path: Path) -> None:
    rows = choose_rows(["measure-gjsd", "q-12", "retinanet-o"])
    settings = _settings(epochs=1)
    results = run_ablation(settings, rows, tmp_path, NullReporter(), seeds=(0, 1))
    assert [len(result["measures"]) for result in results] == [2, 2, 2]
    assert results[0]["measures"] == results[1]["measures"]  # the same settings, trained once
    assert len(list((tmp_path / "rows").iterdir())) == 4
    table = ablation_table(results, rows)
    assert "not ours" in table["title"]
    assert all("study" in column for column in table["columns"][3:])
    assert table["rows"][0][3:] == ["59.4", "85.1", "59.2"]
    assert table["rows"][2][3:] == ["-", "61.8", "-"]
    assert "±" in table["rows"][0][1]
    # A second run finds everything done.
    for file in (tmp_path / "rows").rglob("last.ckpt"):
        file.unlink()
    assert run_ablation(settings, rows, tmp_path, NullReporter(), seeds=(0, 1)) == results


def test_the_ablation_job_writes_its_table(tmp_path: Path) -> None:
    settings = {"training": _settings(epochs=1).to_json(), "rows": ["g-0.4"]}
    directory = JobDirectory(tmp_path / "job").create(JobRequest(task="ablate-detection", settings=settings))
    job = JobContext(directory.path)
    task_function("ablate-detection")(job.request, job)
    text = job.output_path("ablation.md").read_text(encoding="utf-8")
    assert "| g-0.4 |" in text
    assert "| 59.7 | 88.0 | 59.0 |" in text


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    # Batch normalisation looks at each process's own part of the batch, so the weights agree only in their first
    # digits; the order of the samples and the sum of the gradients are the same.
    settings = _settings(epochs=1, batch_size=2, optimizer="sgd", learning_rate=0.001)
    work = tmp_path / "one"
    one, _ = train_on(prepare_data(settings, work), settings, work, NullReporter())
    work = tmp_path / "two"
    together = settings.replace(training_processes=2)
    two, report = train_on(prepare_data(together, work), together, work, NullReporter())
    assert report["settings"]["training_processes"] == 2
    pairs = list(zip(one.head.parameters(), two.head.parameters(), strict=True))
    assert all(torch.allclose(a, b, atol=0.002) for a, b in pairs)
    assert (work / "fit" / "last.ckpt").is_file()
