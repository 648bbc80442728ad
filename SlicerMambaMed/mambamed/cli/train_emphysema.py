"""``mambamed train severity`` and ``mambamed train emphysema-patterns``, each in a job directory."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from mambamed.cli.running import add_background_arguments
from mambamed.cli.running import train
from mambamed.emphysema.patterns.training_settings import PatternTrainingSettings
from mambamed.emphysema.severity.settings import CLASS_SETS
from mambamed.emphysema.severity.train_settings import DEMONSTRATION_RECIPE
from mambamed.emphysema.severity.train_settings import PRESETS
from mambamed.emphysema.severity.train_settings import SCHEDULERS
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode

__all__ = ["add_tasks", "pattern_settings", "severity_settings"]


def add_tasks(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Define both tasks and their options."""
    task = tasks.add_parser(
        "severity",
        help="train an emphysema severity model on your own scans, or the demonstration on phantoms",
        description="Train the severity network from a CSV with the columns ct and severity (and patient, lungs), "
        "split by patient 70/15/15. The output folder is a job directory; outputs/model holds the trained model, its "
        "card and report.json.",
    )
    source = task.add_mutually_exclusive_group(required=True)
    source.add_argument("--cases", type=Path, help="CSV of the scans; files lie relative to it")
    source.add_argument("--recipe", choices=[DEMONSTRATION_RECIPE], help="make phantoms and train the bundled model")
    task.add_argument("--preset", choices=["paper"], help="all settings as in the paper, unless given here")
    task.add_argument(
        "--classes", help=f"{', '.join(CLASS_SETS)}, or names from mild to severe with commas (default: four)"
    )
    task.add_argument("--head", choices=["categorical", "ordinal", "both"], help="default: both")
    task.add_argument("--epochs", type=int, help="at most (default: 100)")
    task.add_argument(
        "--head-epochs", type=int, dest="head_epochs", help="further epochs of attention and heads alone (default: 0)"
    )
    task.add_argument(
        "--head-copies", type=int, dest="head_copies", help="changed copies of each scan that they see (default: 0)"
    )
    task.add_argument("--batch-size", type=int, dest="batch_size", help="scans per step (default: 8; paper: 32)")
    task.add_argument("--learning-rate", type=float, dest="learning_rate", help="of Adam (default: 0.0001)")
    task.add_argument("--scheduler", choices=SCHEDULERS, help="of the learning rate (default: polynomial)")
    task.add_argument(
        "--patience", type=int, help="epochs without a lower validation loss before the end (default: 15)"
    )
    task.add_argument("--elastic-share", type=float, dest="elastic_share", help="share of bent scans (default: 0.1)")
    task.add_argument(
        "--faded-share", type=float, dest="faded_share", help="share of scans whose vessels are faded (default: 0)"
    )
    task.add_argument(
        "--healed-share",
        type=float,
        dest="healed_share",
        help="share of scans that are shown healed, as healthy controls (default: 0)",
    )
    task.add_argument(
        "--even-attention",
        type=float,
        dest="even_attention",
        help="weight of the loss that keeps the attention even in scans without emphysema (default: 0)",
    )
    task.add_argument("--folds", type=int, help="also cross-validate with so many folds (default: 0)")
    task.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=V1,V2",
        help="try these values of a setting, for example learning_rate=0.0001,0.001; repeat for a grid",
    )
    task.add_argument("--grid-epochs", type=int, dest="grid_epochs", help="epochs of each trial (default: 10)")
    task.add_argument("--phantoms", type=int, help="training phantoms of the recipe (default: 280)")
    task.add_argument("--held-out-phantoms", type=int, dest="held_out_phantoms", help="of the recipe (default: 120)")
    task.add_argument("--precision", choices=["float32", "bfloat16"], help="of the convolutions (default: float32)")
    task.add_argument(
        "--time-limit-minutes", type=float, dest="time_limit_minutes", help="of the last training (default: none)"
    )
    _add_common(task)
    task.set_defaults(run_task=lambda arguments: _run("train-severity", severity_settings(arguments), arguments))

    task = tasks.add_parser(
        "emphysema-patterns",
        help="train the model of local emphysema patterns on labelled patches",
        description="Cross-validate beside two baselines, then train on all patches. The output folder is a job "
        "directory; outputs/model holds the trained model, its card and report.json.",
    )
    task.add_argument("--patches", type=Path, required=True, help=".npz with patches (N, 31, 31) in HU and labels")
    task.add_argument("--networks", type=int, help="networks whose probabilities are averaged (default: 2)")
    task.add_argument("--epochs", type=int, help="of each network (default: 40)")
    task.add_argument("--splits", help="cross-validations: random, blocks, both with a comma, or none (default: both)")
    _add_common(task)
    task.set_defaults(
        run_task=lambda arguments: _run("train-emphysema-patterns", pattern_settings(arguments), arguments)
    )


def _add_common(task: argparse.ArgumentParser) -> None:
    task.add_argument("-o", "--output", type=Path, required=True, help="new folder for the job and the trained model")
    task.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    task.add_argument("--seed", type=int, help="seed of every random draw (default: 0)")
    add_background_arguments(task)


def severity_settings(arguments: argparse.Namespace) -> SeverityTrainingSettings:
    """Return the settings that the options describe: the recipe's or preset's values, replaced by what is given."""
    values: dict[str, Any] = dict(PRESETS.get(arguments.recipe or arguments.preset or "", {}))
    values.update(_given(arguments, SeverityTrainingSettings, without=("classes", "grid")))
    if arguments.classes:
        names = tuple(name.strip() for name in arguments.classes.split(","))
        values["classes"] = CLASS_SETS.get(arguments.classes, names)
    if arguments.grid:
        values["grid"] = dict(_grid_entry(entry) for entry in arguments.grid)
    return SeverityTrainingSettings(**values)


def pattern_settings(arguments: argparse.Namespace) -> PatternTrainingSettings:
    """Return the settings that the options describe."""
    values = _given(arguments, PatternTrainingSettings, without=("splits",))
    if arguments.splits is not None:
        values["splits"] = () if arguments.splits == "none" else tuple(arguments.splits.split(","))
    return PatternTrainingSettings(**values)


def _given(arguments: argparse.Namespace, kind: type, without: tuple[str, ...]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(kind) if field.name not in without]
    found = {name: getattr(arguments, name, None) for name in names}
    return {
        name: str(value.absolute()) if isinstance(value, Path) else value
        for name, value in found.items()
        if value is not None
    }


def _grid_entry(text: str) -> tuple[str, list[Any]]:
    name, sign, values = text.partition("=")
    if not sign or not values:
        raise BadRequestError(
            f"The grid entry is {text!r}; expected a setting and values, as learning_rate=0.001,0.01."
        )
    return name.strip(), [_plain_value(value.strip()) for value in values.split(",")]


def _plain_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _run(task: str, settings: Any, arguments: argparse.Namespace) -> ExitCode:
    """Train, or start to train."""
    return train(JobRequest(task=task, settings=settings.to_json()), arguments)
