"""``mambamed models list|show|check|import``: what there is, a card, whether a model can be used, making one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from mambamed.jobs.states import ExitCode

if TYPE_CHECKING:
    from mambamed.models.card import ModelCard

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the actions of ``mambamed models``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    texts = {
        "list": "list the bundled models and those in the user's folder",
        "show": "show a model's card: what it reads and finds, how good it is, its limits and licence",
        "check": "try whether a model can be used: files, checksums, weights",
    }
    for name, help_line in texts.items():
        action = actions.add_parser(name, help=help_line, description=help_line[0].upper() + help_line[1:] + ".")
        if name != "list":
            action.add_argument("model", help="name of a model, a model folder or zip, or one of nnU-Net v2 or U-Mamba")
        if name == "check":
            action.add_argument("--folds", nargs="+", metavar="FOLD", help="folds to try (default: all)")
            action.add_argument("--checkpoint", default="checkpoint_final.pth", help="file in each fold")
        action.add_argument("--json", action="store_true", help="print JSON for programs")
    text = "make a model folder of a checkpoint of one of the networks in VMambaMorph's public code"
    action = actions.add_parser("import", help=text, description=text[0].upper() + text[1:] + ".")
    action.add_argument("checkpoint", type=Path, help="file of weights (.pt, .pth, .safetensors)")
    action.add_argument("-o", "--output", type=Path, required=True, help="new folder for the model")
    shape: dict[str, Any] = {"type": int, "nargs": 3, "metavar": ("X", "Y", "Z")}
    action.add_argument(
        "--grid", **shape, default=(128, 128, 128), help="voxels it was trained on (default: 128 128 128)"
    )
    action.add_argument("--spacing", type=float, default=1.5, metavar="MM", help="their size (default: %(default)s)")
    action.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Carry out the chosen action."""
    return {"list": _list, "show": _show, "check": _check, "import": _import}[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> ExitCode:
    from mambamed.cli.tables import format_table
    from mambamed.models.catalogue import list_models
    from mambamed.user_folders import user_models_folder

    entries = list_models()
    if arguments.json:
        print(
            json.dumps(
                [
                    {"folder": str(entry.folder), "is_bundled": entry.is_bundled, "card": entry.card.to_json()}
                    for entry in entries
                ]
            )
        )
        return ExitCode.DONE
    rows = [
        (
            entry.card.id,
            entry.card.version,
            entry.card.task,
            entry.card.modality,
            entry.card.title + (" (demonstration only)" if entry.card.demonstration_only else ""),
            "bundled" if entry.is_bundled else str(entry.folder),
        )
        for entry in entries
    ]
    print(format_table(("Name", "Version", "Task", "Modality", "Title", "Place"), rows))
    print(f"\nModels of your own go into {user_models_folder()}, or are named by their folder.")
    return ExitCode.DONE


def _show(arguments: argparse.Namespace) -> ExitCode:
    from mambamed.models.catalogue import find_model

    entry = find_model(arguments.model)
    if arguments.json:
        print(json.dumps(entry.card.to_json()))
    else:
        print(_card_text(entry.card))
        print(f"Folder: {entry.folder}")
    return ExitCode.DONE


def _check(arguments: argparse.Namespace) -> ExitCode:
    from mambamed.models.catalogue import find_model

    entry = find_model(arguments.model)
    model: Any
    if entry.card.task == "detection":
        from mambamed.detection.model import load_detector

        model = load_detector(arguments.model, device="cpu")
    else:
        from mambamed.segmentation import load_model

        model = load_model(arguments.model, folds=arguments.folds, checkpoint=arguments.checkpoint, device="cpu")
    parameter_count = sum(parameter.numel() for parameter in model.network.parameters())
    if arguments.json:
        report = {"id": entry.card.id, "folder": str(entry.folder), "parameters": parameter_count, "usable": True}
        print(json.dumps(report))
    else:
        print(f"{entry.card.id} can be used: {entry.card.network}, {parameter_count:,} parameters, in {entry.folder}")
    return ExitCode.DONE


def _import(arguments: argparse.Namespace) -> ExitCode:
    from mambamed.errors import BadRequestError
    from mambamed.registration.networks.reference_model import import_reference_network

    if arguments.output.exists() and any(arguments.output.iterdir()):
        raise BadRequestError(f"The folder {arguments.output} is not empty; name a new one.")
    card = import_reference_network(
        arguments.checkpoint, arguments.output, tuple(arguments.grid), spacing_mm=arguments.spacing
    )
    if arguments.json:
        print(json.dumps({"folder": str(arguments.output), "card": card.to_json()}))
    else:
        print(f"{card.title}: {card.network}, in {arguments.output}")
        print(f"Use it with: mambamed register FIXED MOVING -o OUTPUT --method network:{arguments.output}")
    return ExitCode.DONE


def _card_text(card: ModelCard) -> str:
    lines = [f"{card.title} ({card.id}, version {card.version})"]
    if card.demonstration_only:
        lines.append("DEMONSTRATION ONLY: not trained for use on patients.")
    lines += [f"Intended use: {card.intended_use}", f"Task: {card.task}, {card.modality}", f"Network: {card.network}"]
    for item in card.inputs:
        lines.append(f"Input: {item.name}" + (f" ({item.description})" if item.description else ""))
    for label in card.labels:
        code = label.terminology.get("type", {})
        meaning = f": {code['meaning']} ({code['scheme']} {code['code']})" if code else ""
        lines.append(f"Label {label.value}: {label.name}{meaning}")
    if card.spacing_mm is not None:
        lines.append(f"Spacing inside the model: {' x '.join(f'{value:g}' for value in card.spacing_mm)} mm")
    lines += [f"Training data: {card.training_data}", f"Licence: {card.licence}"]
    lines += [f"Measured: {metric}" for metric in card.metrics]
    lines += [f"Limit: {limit}" for limit in card.limits]
    lines += [f"Reference: {reference}" for reference in card.references]
    return "\n".join(lines)
