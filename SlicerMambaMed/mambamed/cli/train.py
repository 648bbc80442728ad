"""``mambamed train``: train a network in a job directory, headless, resumable."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from mambamed.cli.launch_options import add_launch_arguments
from mambamed.cli.running import add_background_arguments
from mambamed.cli.running import train
from mambamed.cli.train_detection import add_task as add_detection_task
from mambamed.cli.train_disa import add_task as add_disa_task
from mambamed.cli.train_emphysema import add_tasks as add_emphysema_tasks
from mambamed.cli.train_registration import add_task as add_registration_task
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.segmentation.dataset_source import read_dataset_source
from mambamed.segmentation.recipes import RECIPES
from mambamed.segmentation.training_settings import ARCHITECTURES
from mambamed.segmentation.training_settings import CONFIGURATIONS
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the tasks of ``mambamed train`` and their options."""
    tasks = parser.add_subparsers(dest="task", required=True, metavar="task")
    task = tasks.add_parser(
        "segmentation",
        help="train a segmentation network on your own cases",
        description="Check a data set, plan and preprocess it with nnU-Net v2, and train. The output folder is a job "
        "directory: mambamed job status|follow|stop|cancel|resume work on it; outputs/model holds the trained model.",
    )
    source = task.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", type=Path, help="folder of the training cases: nnU-Net, Decathlon, BIDS, or pairs")
    source.add_argument("--recipe", choices=list(RECIPES), help="make the data of a bundled model and train it")
    task.add_argument("-o", "--output", type=Path, required=True, help="new folder for the job and the trained model")
    task.add_argument("--architecture", choices=ARCHITECTURES, help="network (default: umamba-bot)")
    task.add_argument("--configuration", choices=CONFIGURATIONS, help="nnU-Net configuration (default: 3d_fullres)")
    task.add_argument("--fold", choices=["0", "1", "2", "3", "4", "all"], help="fold (default: all)")
    task.add_argument("--epochs", type=int, help="epochs (default: 1000)")
    task.add_argument("--iterations", type=int, help="training batches per epoch (default: 250)")
    task.add_argument(
        "--validation-iterations", type=int, dest="validation_iterations", help="validation batches (default: 50)"
    )
    task.add_argument(
        "--learning-rate",
        type=float,
        dest="learning_rate",
        help="at the start (default: the network's own, 0.01 for U-Mamba)",
    )
    task.add_argument("--optimizer", choices=["auto", "sgd", "adam", "adamw"], help="default: the network's own")
    task.add_argument("--weight-decay", type=float, dest="weight_decay", help="default: the network's own")
    task.add_argument("--momentum", type=float, help="of SGD (default: 0.99)")
    task.add_argument("--precision", choices=["auto", "float32", "bfloat16", "float16"], help="default: auto")
    task.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    task.add_argument("--processes", type=int, help="processes for preprocessing (default: 2)")
    task.add_argument(
        "--loader-processes", type=int, dest="loader_processes", help="processes that prepare batches (default: 1)"
    )
    task.add_argument("--seed", type=int, help="seed of every random draw (default: 0)")
    task.add_argument(
        "--time-limit-minutes", type=float, dest="time_limit_minutes", help="end the schedule by then (default: none)"
    )
    task.add_argument(
        "--cases", type=int, dest="synthetic_cases", help="synthetic cases that a recipe makes (default: the recipe's)"
    )
    task.add_argument(
        "--gpus", type=int, dest="training_processes", help="graphics cards of each machine that train together"
    )
    task.add_argument("--nodes", type=int, help="machines that train together, inside a Slurm allocation (default: 1)")
    add_launch_arguments(task)
    add_background_arguments(task)
    task.set_defaults(run_task=_run_segmentation)
    add_detection_task(tasks)
    add_disa_task(tasks)
    add_emphysema_tasks(tasks)
    add_registration_task(tasks)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Train, or start to train."""
    return ExitCode(arguments.run_task(arguments))


def _run_segmentation(arguments: argparse.Namespace) -> ExitCode:
    settings = settings_from_arguments(arguments)
    if settings.dataset:
        _require_cases(settings)
    return train(JobRequest(task="train-segmentation", settings=settings.to_json()), arguments)


def _require_cases(settings: SegmentationTrainingSettings) -> None:
    """Refuse a folder in which no cases can be found, before anything is made; the job itself looks into the files."""
    source = read_dataset_source(Path(settings.dataset))
    if not source.cases or (source.kind != "nnunet" and source.problems):
        raise BadRequestError("\n  - ".join(["The training cases have problems:", *source.problems]))


def settings_from_arguments(arguments: argparse.Namespace) -> SegmentationTrainingSettings:
    """Return the settings that the options describe; what is not given has the default (of the recipe, if any)."""
    values = dict(RECIPES[arguments.recipe].defaults) if arguments.recipe else {}
    for field in dataclasses.fields(SegmentationTrainingSettings):
        value = getattr(arguments, field.name, None)
        if value is not None:
            values[field.name] = str(value.absolute()) if isinstance(value, Path) else value
    return SegmentationTrainingSettings(**values)
