"""``mambamed train detection``: train a detector of oriented objects, or rows of the study, in a job directory."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from mambamed.cli.launch_options import add_launch_arguments
from mambamed.cli.running import add_background_arguments
from mambamed.cli.running import start_and_follow
from mambamed.cli.running import train
from mambamed.detection.networks.settings import BACKBONES
from mambamed.detection.networks.settings import FINEST_STRIDES
from mambamed.detection.networks.settings import NORMS
from mambamed.detection.synthetic.settings import DOMAINS
from mambamed.detection.training.method import BOX_LOSSES
from mambamed.detection.training.method import MEASURES
from mambamed.detection.training.method import METHODS
from mambamed.detection.training.settings import FIRST_WEIGHTS
from mambamed.detection.training.settings import OPTIMIZERS
from mambamed.detection.training.settings import PRESETS
from mambamed.detection.training.settings import SCHEDULERS
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import GROUPS
from mambamed.detection.training.study import choose_rows
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode

__all__ = ["add_task", "run", "settings_from_arguments"]

_NUMBERS: dict[str, tuple[type, str]] = {
    "held_out_share": (float, "of the images, for the measures at the end; 0 measures on the training images"),
    "synthetic_images": (int, "training pictures of the generator"),
    "synthetic_test_images": (int, "pictures of the generator for the measures"),
    "synthetic_size_px": (int, "side of a synthetic picture"),
    "synthetic_seed": (int, "of the synthetic pictures"),
    "k": (int, "priors that each object takes in DCFL's coarse step"),
    "q": (int, "of these, how many it keeps in the posterior step"),
    "g": (float, "DCFL's gate lets pass what reaches exp(-g)"),
    "width": (float, "factor on the backbone's channels"),
    "feature_channels": (int, "of the pyramid and the head"),
    "dilation": (int, "of the prior-capturing block, in cells"),
    "largest_offset": (float, "cells that the block's learned offsets stay below; 0 lets them grow"),
    "tile_px": (int, "side of the tiles"),
    "overlap_px": (int, "pixels that neighbouring tiles share"),
    "epochs": (int, "passes through all tiles"),
    "batch_size": (int, "tiles per step, over all processes"),
    "learning_rate": (float, "after the warm-up"),
    "momentum": (float, "of SGD"),
    "weight_decay": (float, "of the optimiser"),
    "gradient_clip": (float, "largest norm of the gradient"),
    "warm_up_iterations": (int, "over which the learning rate rises"),
    "threads": (int, "on a CPU"),
    "loader_processes": (int, "that prepare batches beside the training"),
    "seed": (int, "of weights, order and flips"),
    "time_limit_minutes": (float, "compress the schedule to end by then"),
}
_CHOICES: dict[str, tuple[tuple[Any, ...], str]] = {
    "method": (METHODS, "how priors are matched to objects"),
    "measure": (MEASURES, "similarity of DCFL's coarse step"),
    "box_loss": (BOX_LOSSES, "of the boxes"),
    "backbone": (BACKBONES, "network below the pyramid"),
    "finest_stride": (FINEST_STRIDES, "pixels between cells of the finest level; 4 for objects below 16 pixels"),
    "norm": (NORMS, "of the backbone's features; group for small batches without --imagenet-weights"),
    "first_weights": (FIRST_WEIGHTS, "of the head; kept-variance for narrow ones"),
    "optimizer": (OPTIMIZERS, "of the weights"),
    "scheduler": (SCHEDULERS, "of the learning rate"),
    "precision": (("float32", "bfloat16"), "of the convolutions"),
}


def add_task(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Define the task and its options."""
    task = tasks.add_parser(
        "detection",
        help="train a detector of oriented objects on your own images, or on synthetic ones",
        description="Train DCFL, RetinaNet-O or ATSS-O. The output folder is a job directory: mambamed job "
        "status|follow|stop|cancel|resume work on it; outputs/model/oriented-detector is the model with its card and "
        "report. With --ablation rows of the reproduction study are trained one after the other and their table is "
        "printed beside the study's numbers.",
    )
    source = task.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--dataset", type=Path, nargs="+", help="folders with images and annotations (DOTA, YOLO-OBB, HRSC2016, COCO)"
    )
    source.add_argument("--synthetic", choices=list(DOMAINS), help="draw pictures: aerial or ct objects")
    task.add_argument("-o", "--output", type=Path, required=True, help="new folder for the job and the trained model")
    task.add_argument("--test-dataset", type=Path, dest="test_dataset", help="folder of other images for the measures")
    task.add_argument("--preset", choices=list(PRESETS), help="settings to begin with (default: paper; cpu is small)")
    task.add_argument("--classes", help="names with commas, in order (default: those annotated, by alphabet)")
    task.add_argument("--imagenet-weights", type=Path, dest="imagenet_weights", help="file of a ResNet's weights")
    task.add_argument("--milestones", help="epochs after which the rate drops, with commas (default: 8,11)")
    task.add_argument(
        "--ablation",
        metavar="ROWS",
        help=f"rows of the study with commas: all, a group ({', '.join(GROUPS)}), or names as q-8, g-0.4, atss-o",
    )
    for name, (kind, text) in _NUMBERS.items():
        task.add_argument(_option(name), dest=name, type=kind, help=f"{text} ({_default(name)})")
    for name, (choices, text) in _CHOICES.items():
        task.add_argument(
            _option(name), dest=name, choices=choices, type=type(choices[0]), help=f"{text} ({_default(name)})"
        )
    task.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    task.add_argument("--no-flips", dest="flips", action="store_const", const=False, help="do not mirror tiles")
    task.add_argument(
        "--public-code-matching",
        dest="strict",
        action="store_const",
        const=False,
        help="let objects take candidates of others, as the published code does",
    )
    task.add_argument(
        "--gpus", type=int, dest="training_processes", help="graphics cards of each machine that train together"
    )
    task.add_argument("--nodes", type=int, help="machines that train together, inside a Slurm allocation (default: 1)")
    add_launch_arguments(task)
    add_background_arguments(task)
    task.set_defaults(run_task=run)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _default(name: str) -> str:
    value = next(field.default for field in dataclasses.fields(DetectionTrainingSettings) if field.name == name)
    return f"default: {'none' if value is None else value}"


def run(arguments: argparse.Namespace) -> ExitCode:
    """Train, or start to train."""
    settings = settings_from_arguments(arguments)
    if arguments.ablation is None:
        return train(
            JobRequest(task="train-detection", settings=settings.to_json()), arguments, "model/oriented-detector"
        )
    rows = [row.name for row in choose_rows(arguments.ablation.split(","))]
    request = JobRequest(task="ablate-detection", settings={"training": settings.to_json(), "rows": rows})
    job = start_and_follow(request, arguments)
    if job is not None:
        name = "ablation.json" if arguments.json else "ablation.md"
        print((job.outputs_folder / name).read_text(encoding="utf-8"), end="")
    return ExitCode.DONE


def settings_from_arguments(arguments: argparse.Namespace) -> DetectionTrainingSettings:
    """Return the settings that the options describe: the preset's values, replaced by what is given."""
    values: dict[str, Any] = dict(PRESETS[arguments.preset]) if arguments.preset else {}
    for field in dataclasses.fields(DetectionTrainingSettings):
        value = getattr(arguments, field.name, None)
        if value is not None and field.name not in ("dataset", "classes", "milestones"):
            values[field.name] = str(value.absolute()) if isinstance(value, Path) else value
    if arguments.dataset:
        values["dataset"], *further = (str(folder.absolute()) for folder in arguments.dataset)
        values["further_datasets"] = tuple(further)
    if arguments.classes:
        values["classes"] = tuple(name.strip() for name in arguments.classes.split(","))
    if arguments.milestones:
        try:
            values["milestones"] = tuple(int(word) for word in arguments.milestones.split(","))
        except ValueError as error:
            raise BadRequestError(f"The milestones are {arguments.milestones!r}; expected epochs as 8,11.") from error
    return DetectionTrainingSettings(**values)
