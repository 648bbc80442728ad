"""The job ``train-registration``: a training in a job directory, resumable, with a model folder as its output."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from typing import Any

from mambamed.registration.network_training_settings import NetworkTrainingSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]


def run(request: JobRequest, job: JobContext) -> None:
    """Train as the request says; prepared data and checkpoints stay in the job's ``training`` folder."""
    from mambamed.registration.networks.model import save_network
    from mambamed.registration.networks.training.card import trained_card
    from mambamed.registration.networks.training.train import describe_network
    from mambamed.registration.networks.training.train import train_alone_or_together

    settings = NetworkTrainingSettings.from_json(request.settings)
    work = job.directory / "training"
    work.mkdir(exist_ok=True)
    job.record.update(seed=settings.seed)
    with job.record.timed("train"):
        network, table = train_alone_or_together(settings, work, job, resume=job.attempt > 1)
    made = work / "model"
    shutil.rmtree(made, ignore_errors=True)
    description = describe_network(settings)
    card = save_network(made, network, description, trained_card(settings, table))
    report: dict[str, Any] = {"table": table, "settings": settings.to_json()}
    (made / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for file in sorted(made.iterdir()):
        shutil.copyfile(file, job.output_path(f"model/{card.id}/{file.name}"))
    job.record.update(measures={"table": table})
    job.record.add_output("model", f"outputs/model/{card.id}")
