"""A model card for result folders of nnU-Net v2 and U-Mamba, which have none, from their plans and data set."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.colours import colour_of_label

__all__ = ["derive_card", "is_result_folder"]

_NETWORKS = {"UMambaBot": "U-Mamba Bot", "UMambaEnc": "U-Mamba Enc"}
_WEIGHT_SUFFIXES = (".pth", ".safetensors")


def is_result_folder(folder: Path) -> bool:
    """Whether the folder is one that nnU-Net v2 or U-Mamba wrote for one configuration."""
    return (folder / "plans.json").is_file() and (folder / "dataset.json").is_file()


def derive_card(folder: Path | str) -> ModelCard:
    """Describe a result folder of nnU-Net v2 or U-Mamba as far as its files do.

    Trainer and configuration are those of the folder's name (``Trainer__Plans__Configuration``), or else the only
    configuration of the plans; where neither tells, what depends on it is left out (the checkpoints know it, and are
    not opened here). Checksums of the weights are not computed.

    Args:
        folder: Folder with ``plans.json``, ``dataset.json`` and ``fold_*``.

    Raises:
        BadRequestError: The folder is no result folder, or its files cannot be understood.
    """
    folder = Path(folder)
    plans, dataset = _read(folder / "plans.json"), _read(folder / "dataset.json")
    try:
        return _derive(folder, plans, dataset)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadRequestError):
            raise
        raise BadRequestError(
            f"The model folder {folder} cannot be understood: {type(error).__name__} {error} in plans.json or "
            "dataset.json; expected what nnU-Net v2 writes. Copy the model again."
        ) from error


def _derive(folder: Path, plans: Mapping[str, Any], dataset: Mapping[str, Any]) -> ModelCard:
    trainer, configuration = _trainer_and_configuration(folder, plans)
    values = _with_ancestors(plans["configurations"], configuration) if configuration else {}
    dataset_name = str(plans.get("dataset_name") or dataset.get("name") or folder.parent.name)
    weights = _weights(folder)
    parts = [part for part in (dataset_name, trainer or "nnUNet", configuration) if part]
    channels = dataset.get("channel_names") or dataset["modality"]
    reader = str(plans.get("image_reader_writer", ""))
    return ModelCard(
        id=re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).lstrip(".-_")[:128] or "model",
        version="0.0.0",
        title=f"{parts[0]} ({', '.join(parts[1:])})",
        task="segmentation",
        modality="CT" if all(str(channel).upper() == "CT" for channel in channels.values()) else "unknown",
        inputs=tuple(CardInput(f"channel_{number}", str(channels[number])) for number in sorted(channels, key=int)),
        labels=_labels(dataset),
        spacing_mm=_image_axes(values.get("spacing"), plans, lambda value: float(value) > 0),
        orientation="RAS" if reader.endswith("WithReorient") else None,
        patch_size=_image_axes(values.get("patch_size"), plans, lambda value: int(value) > 0),
        network=_network(trainer, values),
        trainer_name=trainer,
        configuration=configuration,
        folds=tuple(dict.fromkeys(Path(file.path).parts[0].removeprefix("fold_") for file in weights)),
        weights=weights,
        training_data=f"{dataset_name}, {dataset.get('numTraining', 'unknown number of')} training cases",
        licence=str(dataset.get("licence") or dataset.get("license") or "not stated"),
        limits=(
            "This card was derived from the files of the training: what the model can and cannot do is not stated.",
        ),
        intended_use="Not stated by its makers. Not for clinical use.",
        demonstration_only=False,
        derived=True,
    )


def _trainer_and_configuration(folder: Path, plans: Mapping[str, Any]) -> tuple[str | None, str | None]:
    parts = folder.resolve().name.split("__")
    if len(parts) == 3 and parts[2] in plans["configurations"]:
        return parts[0], parts[2]
    known = list(plans["configurations"])
    return None, known[0] if len(known) == 1 else None


def _with_ancestors(configurations: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration with what it inherits."""
    values: dict[str, Any] = {}
    seen: set[str] = set()
    current: str | None = name
    while current is not None and current not in seen:
        seen.add(current)
        values = {**configurations[current], **values}
        current = configurations[current].get("inherits_from")
    return values


def _weights(folder: Path) -> tuple[CardWeights, ...]:
    found = []
    for fold in sorted(folder.glob("fold_*")):
        files = sorted(file for file in fold.glob("*") if file.suffix in _WEIGHT_SUFFIXES and file.is_file())
        if re.fullmatch(r"fold_(\d+|all)", fold.name):
            found += [CardWeights(f"{fold.name}/{file.name}", None, file.stat().st_size) for file in files]
    if not found:
        raise BadRequestError(
            f"The model folder {folder} has no weights: expected fold_0 to fold_4 or fold_all with a "
            "checkpoint_final.pth."
        )
    return tuple(found)


def _labels(dataset: Mapping[str, Any]) -> tuple[CardLabel, ...]:
    """Return the labels, or the regions, each with the value that the result has for it."""
    entries = {str(name): value for name, value in dataset["labels"].items() if name != "ignore"}
    order = dataset.get("regions_class_order")
    if any(isinstance(value, list) and len(value) > 1 for value in entries.values()) and order:
        regions = [name for name, value in entries.items() if _values(value) != {0}]
        pairs = list(zip(regions, (int(value) for value in order), strict=True))
    else:
        pairs = [(name, min(_values(value))) for name, value in entries.items() if _values(value) != {0}]
    ordered = sorted(pairs, key=lambda pair: pair[1])
    return tuple(CardLabel(value, name, colour_of_label(value)) for name, value in ordered)


def _values(value: Any) -> set[int]:
    return {int(item) for item in value} if isinstance(value, list) else {int(value)}


def _image_axes(values: Any, plans: Mapping[str, Any], is_valid: Any) -> tuple[Any, ...] | None:
    """Bring values per network axis to the image axes i, j, k (nnU-Net's arrays are k, j, i, then transposed)."""
    if not values or not all(math.isfinite(value) and is_valid(value) for value in values):
        return None
    backward = plans.get("transpose_backward", [0, 1, 2])
    if len(values) == 3 and len(backward) == 3:
        values = [values[axis] for axis in backward]
    return tuple(reversed(values))


def _network(trainer: str | None, values: Mapping[str, Any]) -> str:
    dimension = f"{len(values['patch_size'])}D" if "patch_size" in values else ""
    for part, name in _NETWORKS.items():
        if trainer and part in trainer:
            return f"{name} {dimension}".strip()
    planned = values.get("architecture", {}).get("network_class_name") or values.get("UNet_class_name") or "U-Net"
    return f"{str(planned).split('.')[-1]} {dimension}".strip()


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadRequestError(
            f"The folder {path.parent} is not a trained model: it has no {path.name}. Expected plans.json, "
            "dataset.json and fold_* folders as nnU-Net v2 and U-Mamba write them."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadRequestError(f"The file {path} cannot be read ({error}); copy the model again.") from error
    if not isinstance(content, dict):
        raise BadRequestError(f"The file {path} holds no JSON object; copy the model again.")
    return content
