"""``mambamed compare segmentation``: networks trained on the same folds, side by side, with a paired test."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mambamed.cli.running import add_background_arguments
from mambamed.cli.running import start_and_follow
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.segmentation.comparison.settings import ComparisonSettings
from mambamed.segmentation.training_settings import ARCHITECTURES
from mambamed.segmentation.training_settings import CONFIGURATIONS

__all__ = ["add_arguments", "run"]

_TRAINING_OPTIONS = (
    "configuration",
    "epochs",
    "iterations",
    "validation_iterations",
    "learning_rate",
    "optimizer",
    "precision",
    "device",
    "processes",
    "loader_processes",
    "seed",
    "time_limit_minutes",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the tasks of ``mambamed compare`` and their options."""
    tasks = parser.add_subparsers(dest="task", required=True, metavar="task")
    task = tasks.add_parser(
        "segmentation",
        help="train segmentation networks on the same folds, score the cases left out, test the differences",
        description="Train every architecture on every fold, predict the fold's validation cases, and print the "
        "U-Mamba paper's tables with a paired test against the first architecture. The output folder is a job "
        "directory: mambamed job status|follow|stop|cancel|resume work on it; finished trainings are kept.",
    )
    task.add_argument("--dataset", type=Path, required=True, help="raw data set folder, DatasetNNN_Name")
    task.add_argument("-o", "--output", type=Path, required=True, help="new folder for the job and its tables")
    task.add_argument(
        "--architectures", nargs="+", required=True, choices=ARCHITECTURES, help="the first is the baseline"
    )
    task.add_argument("--folds", nargs="+", choices=list("01234"), default=list("01234"), help="default: all five")
    task.add_argument("--configuration", choices=CONFIGURATIONS, help="nnU-Net configuration (default: 3d_fullres)")
    task.add_argument("--epochs", type=int, help="epochs of each training (default: 1000)")
    task.add_argument("--iterations", type=int, help="training batches per epoch (default: 250)")
    task.add_argument(
        "--validation-iterations", type=int, dest="validation_iterations", help="validation batches (default: 50)"
    )
    task.add_argument(
        "--learning-rate", type=float, dest="learning_rate", help="for all (default: as each network's authors suggest)"
    )
    task.add_argument(
        "--optimizer", choices=["sgd", "adam", "adamw"], help="for all (default: as each network's authors suggest)"
    )
    task.add_argument("--precision", choices=["auto", "float32", "bfloat16"], help="default: auto")
    task.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    task.add_argument("--processes", type=int, help="processes for preprocessing (default: 2)")
    task.add_argument(
        "--loader-processes", type=int, dest="loader_processes", help="processes that prepare batches (default: 1)"
    )
    task.add_argument("--seed", type=int, help="seed of every training (default: 0)")
    task.add_argument(
        "--time-limit-minutes", type=float, dest="time_limit_minutes", help="limit of each training (default: none)"
    )
    task.add_argument("--tolerance", nargs="+", default=[], metavar="MM", help="as for mambamed evaluate")
    task.add_argument("--instances", action="store_true", help="score cells (F1); labels are interior and boundary")
    add_background_arguments(task)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Compare, or start to compare."""
    request = JobRequest(task="compare-segmentation", settings=settings_from_arguments(arguments).to_json())
    job = start_and_follow(request, arguments)
    if job is None:
        return ExitCode.DONE
    if arguments.json:
        print(json.dumps({"state": "done", **json.loads(job.outputs["scores"].read_text(encoding="utf-8"))}))
    else:
        print(job.outputs["page"].read_text(encoding="utf-8"))
        print(f"tables: {job.outputs_folder}")
    return ExitCode.DONE


def settings_from_arguments(arguments: argparse.Namespace) -> ComparisonSettings:
    """Return the settings that the options describe; what is not given has the training's default."""
    from mambamed.segmentation.evaluation.label_rules import tolerances_from_words

    training: dict[str, Any] = {"dataset": str(arguments.dataset.absolute())}
    for name in _TRAINING_OPTIONS:
        value = getattr(arguments, name)
        if value is not None:
            training[name] = value
    return ComparisonSettings(
        architectures=tuple(arguments.architectures),
        folds=tuple(arguments.folds),
        training=training,
        tolerances_mm=tolerances_from_words(arguments.tolerance),
        instances=arguments.instances,
    )
