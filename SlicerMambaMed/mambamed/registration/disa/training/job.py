"""The job ``train-disa``: a training in a job directory, resumable, with the weights as its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mambamed.registration.disa_training_settings import DISATrainingSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["WEIGHTS_NAME", "run"]

WEIGHTS_NAME = "weights.safetensors"
_WORK_FOLDER = "training"


def run(request: JobRequest, job: JobContext) -> None:
    """Train as the request says; checkpoints stay in the job's ``training`` folder, for a resumed attempt."""
    from safetensors.torch import save_file

    from mambamed.registration.disa.training.train import train_disa

    settings = DISATrainingSettings.from_json(request.settings)
    work = job.directory / _WORK_FOLDER
    work.mkdir(exist_ok=True)
    job.record.update(seed=settings.seed)
    with job.record.timed("train"):
        network = train_disa(settings, work, job, resume=job.attempt > 1)
    weights = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, str(job.output_path(WEIGHTS_NAME)))
    job.record.add_output("weights", f"outputs/{WEIGHTS_NAME}")
