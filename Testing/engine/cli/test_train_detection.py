"""The options of ``mambamed train detection`` as settings and as jobs."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from mambamed.cli import train_detection
from mambamed.cli.train_detection import add_task
from mambamed.cli.train_detection import settings_from_arguments
from mambamed.detection.training.settings import PRESETS
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode


def _parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_task(parser.add_subparsers(dest="task", required=True))
    return parser.parse_args(["detection", *words])


def test_without_options_the_settings_are_the_published_ones() -> None:
    arguments = _parse("--dataset", "tiles", "-o", "out")
    settings = settings_from_arguments(arguments)
    assert settings == DetectionTrainingSettings(dataset=str(Path("tiles").absolute()))


def test_a_preset_with_changes() -> None:
    words = [
        "--synthetic",
        "ct",
        "--preset",
        "cpu",
        "--q",
        "8",
        "--measure",
        "kld",
        "--milestones",
        "3,5",
        "--classes",
        "needle,vessel",
        "-o",
        "out",
    ]
    settings = settings_from_arguments(_parse(*words, "--no-flips", "--public-code-matching", "--finest-stride", "8"))
    expected = {**PRESETS["cpu"], "q": 8, "measure": "kld", "milestones": (3, 5), "classes": ("needle", "vessel")}
    expected = {**expected, "flips": False, "strict": False, "finest_stride": 8}
    assert settings == DetectionTrainingSettings(synthetic="ct", **expected)


def test_refusals() -> None:
    with pytest.raises(BadRequestError, match="milestones"):
        settings_from_arguments(_parse("--synthetic", "ct", "--milestones", "8;11", "-o", "out"))
    with pytest.raises(SystemExit):
        _parse("-o", "out")


@pytest.mark.parametrize(
    ("extra", "task"), [((), "train-detection"), (("--ablation", "measure,atss-o"), "ablate-detection")]
)
def test_starts_the_job(extra: tuple[str, ...], task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[JobRequest] = []

    def keep(request: JobRequest, *_: object) -> None:
        started.append(request)

    monkeypatch.setattr(train_detection, "train", lambda *arguments: keep(*arguments) or ExitCode.DONE)
    monkeypatch.setattr(train_detection, "start_and_follow", keep)
    arguments = _parse("--synthetic", "ct", "-o", str(tmp_path / "job"), *extra)
    assert arguments.run_task(arguments) is ExitCode.DONE
    (request,) = started
    assert request.task == task
    if extra:
        assert request.settings["rows"] == ["measure-kld", "measure-gwd", "measure-gjsd", "atss-o"]
        assert DetectionTrainingSettings.from_json(request.settings["training"]).synthetic == "ct"
