"""The job ``train-segmentation``: a training in a job directory, resumable, with the model as its output."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mambamed.jobs.files import read_json
from mambamed.models.card import CARD_NAME
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]

_WORK_FOLDER = "training"


def run(request: JobRequest, job: JobContext) -> None:
    """Train as the request says; the trained folder is the output ``model``.

    Everything that a resumed attempt needs (preprocessed data, checkpoints) stays in the job's ``training`` folder.
    """
    from mambamed.segmentation.trained_card import write_trained_card
    from mambamed.segmentation.training import train_segmentation

    settings = SegmentationTrainingSettings.from_json(request.settings)
    work = job.directory / _WORK_FOLDER
    job.record.update(seed=settings.seed)
    with job.record.timed("train"):
        trained = train_segmentation(settings, work, job, resume=job.attempt > 1)
    write_trained_card(trained, settings, _training_cases(settings, work, trained), job.record.metrics)
    fold = f"fold_{settings.fold}"
    for name in (CARD_NAME, "plans.json", "dataset.json", "dataset_fingerprint.json", f"{fold}/checkpoint_final.pth"):
        source = trained / name
        if source.is_file():
            shutil.copyfile(source, job.output_path(f"model/{trained.name}/{name}"))
    job.record.add_output("model", f"outputs/model/{trained.name}")
    progress = trained / fold / "progress.png"
    if progress.is_file():
        shutil.copyfile(progress, job.output_path("progress.png"))
        job.record.add_output("progress", "outputs/progress.png")
    shutil.rmtree(work / "preprocessed", ignore_errors=True)


def _training_cases(settings: SegmentationTrainingSettings, work: Path, trained: Path) -> int:
    """Return how many cases the network has seen; those of the validation fold are not among them."""
    splits = work / "preprocessed" / settings.dataset_name / "splits_final.json"
    if settings.fold != "all" and splits.is_file():
        content = read_json(splits)
        if int(settings.fold) < len(content):
            return len(content[int(settings.fold)]["train"])
    return int(read_json(trained / "dataset.json").get("numTraining", 0))
