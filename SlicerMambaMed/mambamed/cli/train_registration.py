"""``mambamed train registration``: train a one-pass deformable network, in a job directory."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from mambamed.cli.launch_options import add_launch_arguments
from mambamed.cli.running import add_background_arguments
from mambamed.cli.running import train
from mambamed.errors import BadRequestError
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.registration.network_names import NETWORK_NAMES
from mambamed.registration.network_recipes import NETWORK_RECIPES
from mambamed.registration.network_training_settings import IMAGE_LOSSES
from mambamed.registration.network_training_settings import PRESETS
from mambamed.registration.network_training_settings import NetworkTrainingSettings

__all__ = ["add_task", "network_settings", "run"]


def add_task(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Define the task and its options."""
    task = tasks.add_parser(
        "registration",
        help="train a deformable registration network on your own images, on label maps, or on no data at all",
        description="Train VMambaMorph, MambaMorph, TransMorph or VoxelMorph. Real images are aligned by an affine "
        "registration first. The output folder is a job directory: mambamed job status|follow|stop|cancel|resume work "
        "on it; outputs/model holds the trained model, its card and report.json.",
    )
    source = task.add_mutually_exclusive_group(required=True)
    source.add_argument("--recipe", choices=list(NETWORK_RECIPES), help="make synthetic heads and train on them")
    source.add_argument("--shapes", action="store_true", help="train on random shapes; no data are needed")
    source.add_argument("--images", type=Path, help="folder of images, one per person; all pairs are registered")
    source.add_argument("--fixed", type=Path, help="folder of fixed images; --moving has partners of the same names")
    source.add_argument("--label-maps", type=Path, dest="label_maps", help="folder of label maps to paint at random")
    task.add_argument("--moving", type=Path, help="folder of moving images")
    task.add_argument("--labels", type=Path, help="folder of label maps of --images or --fixed, same file names")
    task.add_argument("--moving-labels", type=Path, dest="moving_labels", help="folder of label maps of --moving")
    task.add_argument("--no-affine", action="store_true", dest="no_affine", help="images are aligned already")
    task.add_argument("-o", "--output", type=Path, required=True, help="new folder for the job and the trained model")
    task.add_argument("--preset", choices=list(PRESETS), help="settings of the paper, unless given here")
    task.add_argument("--architecture", choices=NETWORK_NAMES, help="network (default: vmambamorph_feat)")
    task.add_argument(
        "--argument",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the network, for example embed_dim=32, directions=4, mode=reference; may be repeated",
    )
    task.add_argument("--initial-model", dest="initial_model", help="model whose weights are the first ones")
    task.add_argument("--grid", type=int, nargs=3, dest="grid_shape", metavar=("X", "Y", "Z"), help="default: 128 each")
    task.add_argument("--spacing-mm", type=float, dest="spacing_mm", help="size of the cubic voxels (default: 1.5)")
    task.add_argument(
        "--middle-below-top-mm",
        type=float,
        dest="middle_below_top_mm",
        help="for heads: depth of the middle of the grid below the top of the head (default: none)",
    )
    task.add_argument("--epochs", type=int, help="at most (default: 300)")
    task.add_argument("--iterations", type=int, help="training pairs per epoch and process (default: 150)")
    task.add_argument("--validation-pairs", type=int, dest="validation_pairs", help="default: 10")
    task.add_argument("--learning-rate", type=float, dest="learning_rate", help="of Adam (default: 0.001)")
    task.add_argument("--scheduler", choices=["polynomial", "constant"], help="default: polynomial")
    task.add_argument("--image-loss", choices=IMAGE_LOSSES, dest="image_loss", help="default: none (labels alone)")
    task.add_argument("--image-weight", type=float, dest="image_weight", help="of the image loss (default: 1)")
    task.add_argument(
        "--smoothness-weight", type=float, dest="smoothness_weight", help="default: 0.2 (the paper's 0.1, doubled)"
    )
    task.add_argument("--labels-per-step", type=int, dest="labels_per_step", help="drawn for Dice (default: 32)")
    task.add_argument("--maps", type=int, dest="synthetic_maps", help="label maps that a recipe makes")
    task.add_argument(
        "--same-contrast", type=float, dest="same_contrast_share", help="share of painted pairs in one contrast"
    )
    task.add_argument("--precision", choices=["auto", "float32", "bfloat16"], help="default: auto")
    task.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    task.add_argument("--threads", type=int, help="threads on a CPU (default: PyTorch's choice)")
    task.add_argument("--loader-processes", type=int, dest="loader_processes", help="prepare pairs (default: 0)")
    task.add_argument("--gpus", type=int, dest="training_processes", help="graphics cards of each machine")
    task.add_argument("--nodes", type=int, help="machines that train together, inside a Slurm allocation (default: 1)")
    task.add_argument("--seed", type=int, help="of weights and pairs (default: 0)")
    task.add_argument(
        "--time-limit-minutes", type=float, dest="time_limit_minutes", help="end the schedule by then (default: none)"
    )
    add_launch_arguments(task)
    add_background_arguments(task)
    task.set_defaults(run_task=run)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Train, or start to train."""
    settings = network_settings(arguments)
    return train(JobRequest(task="train-registration", settings=settings.to_json()), arguments)


def network_settings(arguments: argparse.Namespace) -> NetworkTrainingSettings:
    """Return the settings that the options describe: over those of the preset, over those of the recipe."""
    values: dict[str, Any] = dict(NETWORK_RECIPES[arguments.recipe].defaults) if arguments.recipe else {}
    values |= PRESETS[arguments.preset] if arguments.preset else {}
    for field in dataclasses.fields(NetworkTrainingSettings):
        value = getattr(arguments, field.name, None)
        if value is not None and value is not False:
            values[field.name] = str(value.absolute()) if isinstance(value, Path) else value
    if arguments.label_maps:
        values |= {"labels": str(arguments.label_maps.absolute()), "from_labels": True}
    if arguments.no_affine:
        values["affine"] = False
    values["arguments"] = {**values.get("arguments", {}), **dict(map(_named_value, arguments.argument))}
    return NetworkTrainingSettings.from_json(values)


def _named_value(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise BadRequestError(f"A network setting must be given as NAME=VALUE; {text!r} is not.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
