"""The job ``train-emphysema-patterns``: cross-validation, a training on all patches, the model folder as output."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from typing import Any

from mambamed.emphysema.patterns.training_settings import PatternTrainingSettings

if TYPE_CHECKING:
    from pathlib import Path

    from mambamed.jobs.context import JobContext
    from mambamed.jobs.reporter import Reporter
    from mambamed.jobs.request import JobRequest

__all__ = ["run", "train_patterns"]


def run(request: JobRequest, job: JobContext) -> None:
    """Train as the request says."""
    settings = PatternTrainingSettings.from_json(request.settings)
    work = job.directory / "training"
    shutil.rmtree(work / "model", ignore_errors=True)
    job.record.update(seed=settings.seed)
    with job.record.timed("train"):
        report = train_patterns(settings, work, work / "model", job)
    for file in sorted((work / "model").iterdir()):
        shutil.copyfile(file, job.output_path(f"model/emphysema-patterns/{file.name}"))
    job.record.update(measures=report)
    job.record.add_output("model", "outputs/model/emphysema-patterns")


def train_patterns(
    settings: PatternTrainingSettings, work: Path, model_folder: Path, reporter: Reporter
) -> dict[str, Any]:
    """Cross-validate, train on all patches, write the model folder with ``report.json``; returns the report.

    A cross-validation that an earlier attempt finished is taken from ``work``.

    Raises:
        BadRequestError: The patches cannot be read.
        JobCancelledError: Cancelled.
    """
    from pathlib import Path

    from mambamed.emphysema.patterns.card import pattern_card
    from mambamed.emphysema.patterns.dataset import read_patches
    from mambamed.emphysema.patterns.model import write_pattern_model
    from mambamed.emphysema.patterns.training import cross_validate
    from mambamed.emphysema.patterns.training import train_networks

    data = read_patches(Path(settings.patches))
    work.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"patches": len(data.targets)}
    for split in settings.splits:
        finished = work / f"cross-validation-{split}.json"
        if not finished.is_file():
            measured = cross_validate(data, split, settings, reporter, work / "networks")
            finished.write_text(json.dumps(measured), encoding="utf-8")
        report[split] = json.loads(finished.read_text(encoding="utf-8"))
    networks = train_networks(data, settings, reporter, work / "networks", "all patches")
    write_pattern_model(model_folder, networks, pattern_card(report))
    (model_folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report
