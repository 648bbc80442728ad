"""The job ``train-detection``: a training in a job directory, resumable, with the model folder as its output."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mambamed.detection.training.settings import DetectionTrainingSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]


def run(request: JobRequest, job: JobContext) -> None:
    """Train as the request says; pictures and checkpoints stay in the job's ``training`` folder."""
    from mambamed.detection.training.training import train_detector

    settings = DetectionTrainingSettings.from_json(request.settings)
    work = job.directory / "training"
    job.record.update(seed=settings.seed)
    shutil.rmtree(work / "model", ignore_errors=True)
    with job.record.timed("train"):
        report = train_detector(settings, work, work / "model", job, resume=job.attempt > 1)
    name = "oriented-detector"
    for file in sorted((work / "model").iterdir()):
        shutil.copyfile(file, job.output_path(f"model/{name}/{file.name}"))
    job.record.update(measures=report["test"])
    job.record.add_output("model", f"outputs/model/{name}")
