"""The files of a trained model: which folder, which folds, what plans and data set say; nothing is built here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from torch import Tensor

from mambamed.errors import BadRequestError

__all__ = ["FoldWeights", "ModelFolder", "find_result_folder", "read_fold", "read_model_folder"]

_FOLDS_OF_CROSS_VALIDATION = tuple(str(fold) for fold in range(100))


@dataclass(frozen=True)
class FoldWeights:
    """Weights of one fold and what its checkpoint says about the training.

    Attributes:
        fold: Name of the fold, ``"0"`` to ``"4"`` or ``"all"``.
        path: The checkpoint.
        state: Tensors by name.
        trainer_name: Class that trained it, which chooses the network.
        configuration: Configuration of the plans, for example ``3d_fullres``.
        mirroring_axes: Spatial axes (0 is the first array axis) that may be mirrored, or None.
    """

    fold: str
    path: Path
    state: dict[str, Tensor] = field(repr=False)
    trainer_name: str
    configuration: str
    mirroring_axes: tuple[int, ...] | None


@dataclass(frozen=True)
class ModelFolder:
    """Plans, data set description and folds of a result folder of nnU-Net v2 or U-Mamba."""

    path: Path
    plans: dict[str, Any] = field(repr=False)
    dataset: dict[str, Any] = field(repr=False)
    folds: tuple[FoldWeights, ...]

    @property
    def trainer_name(self) -> str:
        """Class that trained the first fold."""
        return self.folds[0].trainer_name

    @property
    def configuration(self) -> str:
        """Configuration of the plans that the folds were trained with."""
        return self.folds[0].configuration


def find_result_folder(folder: Path) -> Path:
    """Find the folder with ``plans.json`` and ``dataset.json``: the one given, or the only one below it.

    Raises:
        BadRequestError: None was found, or several.
    """
    if _is_result_folder(folder):
        return folder
    found = sorted({path.parent for path in folder.glob("*/plans.json") if _is_result_folder(path.parent)})
    found = found or sorted({path.parent for path in folder.glob("*/*/plans.json") if _is_result_folder(path.parent)})
    if not found:
        raise BadRequestError(
            f"The folder {folder} is not a trained model: expected plans.json, dataset.json and fold_* folders as "
            "nnU-Net v2 and U-Mamba write them (Dataset.../Trainer__Plans__Configuration)."
        )
    if len(found) > 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise BadRequestError(f"{len(found)} trained models are in the folder {folder}, expected one; choose: {names}.")
    return found[0]


def _is_result_folder(folder: Path) -> bool:
    return (folder / "plans.json").is_file() and (folder / "dataset.json").is_file()


def read_model_folder(folder: Path, folds: Sequence[str | int] | str | int | None, checkpoint: str) -> ModelFolder:
    """Read plans, data set description and the weights of the folds.

    Args:
        folder: Result folder, or a folder that holds one.
        folds: Folds to read; None takes all of cross-validation, or ``all`` where that is the only one.
        checkpoint: File name in each fold folder; ``.safetensors`` in place of ``.pth`` is found too.

    Raises:
        BadRequestError: Something is missing or unreadable; UnsafeFileError where a file would run code.
    """
    folder = find_result_folder(folder)
    plans = _read_json(folder / "plans.json")
    dataset = _read_json(folder / "dataset.json")
    for name, holder, keys in (("plans.json", plans, ("configurations",)), ("dataset.json", dataset, ("labels",))):
        missing = [key for key in keys if not isinstance(holder.get(key), dict)]
        if missing:
            raise BadRequestError(f'"{missing[0]}" is missing in {name} of the model {folder}; copy the model again.')
    chosen = _choose_folds(folder, folds, checkpoint)
    weights = tuple(read_fold(folder, fold, checkpoint) for fold in chosen)
    for other in weights[1:]:
        if (other.trainer_name, other.configuration) != (weights[0].trainer_name, weights[0].configuration):
            raise BadRequestError(
                f"Fold {other.fold} was trained with {other.trainer_name} ({other.configuration}), fold "
                f"{weights[0].fold} with {weights[0].trainer_name} ({weights[0].configuration}); expected one network."
            )
    return ModelFolder(folder, plans, dataset, weights)


def _choose_folds(folder: Path, folds: Sequence[str | int] | str | int | None, checkpoint: str) -> list[str]:
    present = sorted(
        path.name.removeprefix("fold_") for path in folder.glob("fold_*") if _checkpoint_path(path, checkpoint)
    )
    if folds is None:
        crossed = [fold for fold in present if fold in _FOLDS_OF_CROSS_VALIDATION]
        chosen = crossed or present
        if not chosen:
            raise BadRequestError(
                f"No fold of the model {folder} holds {checkpoint}; "
                f"found {', '.join(_checkpoints_found(folder)) or 'no checkpoint at all'}."
            )
        return chosen
    wanted = [folds] if isinstance(folds, (str, int)) else list(folds)
    names = [str(fold).removeprefix("fold_") for fold in wanted]
    missing = [fold for fold in names if fold not in present]
    if missing:
        raise BadRequestError(
            f"Fold {', '.join(missing)} with {checkpoint} is not in the model {folder}; "
            f"there are {', '.join(present) or 'none'}."
        )
    return names


def _checkpoints_found(folder: Path) -> list[str]:
    files = [*folder.glob("fold_*/*.pth"), *folder.glob("fold_*/*.safetensors")]
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _checkpoint_path(fold_folder: Path, checkpoint: str) -> Path | None:
    for name in (checkpoint, Path(checkpoint).with_suffix(".safetensors").name):
        if (fold_folder / name).is_file():
            return fold_folder / name
    return None


def read_fold(folder: Path, fold: str, checkpoint: str) -> FoldWeights:
    """Read one fold's checkpoint, without running code from it.

    Args:
        folder: Result folder.
        fold: Name of the fold.
        checkpoint: File name.

    Raises:
        BadRequestError: The file is damaged or lacks what is needed.
        UnsafeFileError: Reading it would run code.
    """
    path = _checkpoint_path(folder / f"fold_{fold}", checkpoint)
    if path is None:
        raise BadRequestError(f"Fold {fold} with {checkpoint} is not in the model {folder}.")
    if path.suffix == ".safetensors":
        state, facts = _read_safetensors(path)
    else:
        state, facts = _read_nnunet_checkpoint(path)
    trainer, configuration = _parts_of_folder_name(folder)
    trainer = facts.get("trainer_name") or trainer
    configuration = facts.get("configuration") or configuration
    if not trainer or not configuration:
        raise BadRequestError(
            f"The checkpoint {path} does not say its trainer and configuration, and the folder is not named "
            "Trainer__Plans__Configuration; copy the model again with its folder's name."
        )
    axes = facts.get("inference_allowed_mirroring_axes")
    return FoldWeights(
        fold, path, state, str(trainer), str(configuration), None if axes is None else tuple(int(axis) for axis in axes)
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import safe_open

    from mambamed.models import load_weights

    state = load_weights(path)
    with safe_open(str(path), framework="pt") as file:
        metadata = file.metadata() or {}
    facts: dict[str, Any] = dict(metadata)
    axes = metadata.get("inference_allowed_mirroring_axes", metadata.get("mirroring_axes"))
    if isinstance(axes, str):
        # As a list or as Python writes a tuple.
        facts["inference_allowed_mirroring_axes"] = [int(digit) for digit in axes if digit.isdigit()]
    return state, facts


def _read_nnunet_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from mambamed.models.checkpoint import read_checkpoint

    content = read_checkpoint(path)
    state = content.get("network_weights")
    if not isinstance(state, dict) or not state:
        raise BadRequestError(
            f'The file {path} holds no "network_weights", expected a checkpoint of nnU-Net v2 or U-Mamba.'
        )
    facts = {
        "trainer_name": content.get("trainer_name"),
        "configuration": (content.get("init_args") or {}).get("configuration"),
        "inference_allowed_mirroring_axes": content.get("inference_allowed_mirroring_axes"),
    }
    return state, facts


def _parts_of_folder_name(folder: Path) -> tuple[str, str]:
    """Trainer and configuration in the name Trainer__Plans__Configuration."""
    parts = folder.name.split("__")
    return (parts[0], parts[2]) if len(parts) == 3 else ("", "")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequestError(
            f"The file {path} of the model cannot be read ({type(error).__name__}); copy the model again."
        ) from error
    if not isinstance(content, dict):
        raise BadRequestError(f"The file {path} of the model holds no JSON object; copy the model again.")
    return content
