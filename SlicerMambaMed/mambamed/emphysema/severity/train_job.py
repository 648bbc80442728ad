"""The job ``train-severity``: a training in a job directory, resumable, with the model folder as its output."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]


def run(request: JobRequest, job: JobContext) -> None:
    """Train as the request says; phantoms, prepared scans and checkpoints stay in the job's ``training`` folder."""
    from mambamed.emphysema.severity.training import train_severity

    settings = SeverityTrainingSettings.from_json(request.settings)
    work = job.directory / "training"
    job.record.update(seed=settings.seed)
    shutil.rmtree(work / "model", ignore_errors=True)
    with job.record.timed("train"):
        train_severity(settings, work, work / "model", job, resume=job.attempt > 1)
    name = settings.recipe or "emphysema-severity"
    for file in sorted((work / "model").iterdir()):
        shutil.copyfile(file, job.output_path(f"model/{name}/{file.name}"))
    report = json.loads((work / "model" / "report.json").read_text(encoding="utf-8"))
    job.record.update(measures={key: report[key] for key in ("test", "held_out_phantoms") if key in report})
    job.record.add_output("model", f"outputs/model/{name}")
