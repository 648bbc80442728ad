"""``mambamed train disa``: train the DISA descriptors on synthetic volumes, in a job directory."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from mambamed.cli.running import add_background_arguments
from mambamed.cli.running import train
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.registration.disa_training_settings import DISATrainingSettings

__all__ = ["add_task", "run"]


def add_task(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Define the task and its options."""
    task = tasks.add_parser(
        "disa",
        help="train the DISA descriptors for registration on synthetic volumes",
        description="Train the DISA network to approximate LC2. No data is needed: the volumes are synthetic. The "
        "output folder is a job directory: mambamed job status|follow|stop|cancel|resume work on it; outputs/ holds "
        "weights.safetensors.",
    )
    task.add_argument("-o", "--output", type=Path, required=True, help="new folder for the job and the weights")
    task.add_argument("--steps", type=int, help="optimiser steps (default: 60000)")
    task.add_argument(
        "--time-limit-minutes", type=float, dest="time_limit_minutes", help="end the schedule by then (default: none)"
    )
    task.add_argument("--scenes", type=int, help="synthetic scenes per step (default: 3)")
    task.add_argument("--crop-voxels", type=int, dest="crop_voxels", help="side of a scene, 4 k + 1 (default: 37)")
    task.add_argument("--positions", type=int, help="positions per scene and contrast (default: 96)")
    task.add_argument("--learning-rate", type=float, dest="learning_rate", help="after the warm-up (default: 0.002)")
    task.add_argument(
        "--initial-weights",
        dest="initial_weights",
        help="go on from a model (identifier or folder) or a file of weights (default: drawn with the seed)",
    )
    task.add_argument(
        "--warm-up-steps", type=int, dest="warm_up_steps", help="over which the learning rate rises (default: 50)"
    )
    task.add_argument(
        "--decay-from",
        type=float,
        dest="decay_from",
        help="share of the training, 0 to 1, after which the learning rate falls along a cosine (default: 0.6)",
    )
    task.add_argument(
        "--averaging", type=float, help="decay per step of the weights' moving average, the result (default: 0.995)"
    )
    task.add_argument("--precision", choices=["auto", "float32", "bfloat16"], help="default: auto")
    task.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    task.add_argument("--threads", type=int, help="threads on a CPU (default: PyTorch's choice)")
    task.add_argument("--seed", type=int, help="seed of every random draw (default: 2023)")
    add_background_arguments(task)
    task.set_defaults(run_task=run)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Train, or start to train."""
    names = {field.name for field in dataclasses.fields(DISATrainingSettings)}
    given = {name: value for name, value in vars(arguments).items() if name in names and value is not None}
    initial = given.get("initial_weights")
    if initial and Path(initial).expanduser().exists():
        given["initial_weights"] = str(Path(initial).expanduser().absolute())
    request = JobRequest(task="train-disa", settings=DISATrainingSettings(**given).to_json())
    return train(request, arguments, "weights.safetensors")
