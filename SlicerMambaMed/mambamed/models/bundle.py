"""A trained fold of nnU-Net or U-Mamba as a small model folder of our own: safetensors, plans, data set, card."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CARD_NAME
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.checkpoint import read_checkpoint

__all__ = ["bundle_model", "unique_tensors"]

WEIGHTS_NAME = "checkpoint_final.safetensors"


def bundle_model(
    result_folder: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    card: ModelCard,
    *,
    fold: str | int = "all",
    checkpoint: str = "checkpoint_final.pth",
    half_precision: bool = False,
    plans: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
) -> ModelCard:
    """Convert one trained fold into a model folder that can be bundled, copied and checked.

    Writes ``model-card.json``, ``plans.json`` (with the trained configuration and those it inherits), ``dataset.json``
    and ``fold_<fold>/checkpoint_final.safetensors``, whose metadata hold trainer, configuration and mirroring axes.

    Args:
        result_folder: Result folder of nnU-Net v2 or U-Mamba.
        destination: Folder to write; must not hold a model already.
        card: Description; trainer, configuration, folds, mirroring axes and weights are filled in here.
        fold: Fold to take.
        checkpoint: Which of its checkpoints.
        half_precision: Store convolution kernels as float16 (half the size; they are float32 again in the network).
        plans: Plans to write in place of the folder's, for example with another normalisation.
        dataset: Data set description to write in place of the folder's.

    Returns:
        The card as written.

    Raises:
        BadRequestError: The folder or checkpoint is not there, or the destination holds a model.
    """
    source, target = Path(result_folder), Path(destination)
    if (target / CARD_NAME).exists():
        raise BadRequestError(f"The folder {target} holds a model already; remove it or choose another folder.")
    content = read_checkpoint(source / f"fold_{fold}" / checkpoint)
    try:
        trainer_name = str(content["trainer_name"])
        configuration = str(content["init_args"]["configuration"])
        plans = plans if plans is not None else json.loads((source / "plans.json").read_text("utf-8"))
        dataset = dataset if dataset is not None else json.loads((source / "dataset.json").read_text("utf-8"))
    except (KeyError, TypeError, OSError, ValueError) as error:
        raise BadRequestError(
            f"The folder {source} cannot be bundled ({error}): expected plans.json, dataset.json, and a checkpoint "
            "that names its trainer and configuration."
        ) from error
    axes = content.get("inference_allowed_mirroring_axes")
    mirroring_axes = None if axes is None else tuple(int(axis) for axis in axes)

    tensors = unique_tensors(content["network_weights"])
    if half_precision:
        tensors = {name: _stored_half(name, tensor) for name, tensor in tensors.items()}
    fold_folder = target / f"fold_{fold}"
    fold_folder.mkdir(parents=True, exist_ok=True)
    weights_path = fold_folder / WEIGHTS_NAME
    metadata = {
        "trainer_name": trainer_name,
        "configuration": configuration,
        "inference_allowed_mirroring_axes": json.dumps(mirroring_axes),
    }
    save_file(tensors, str(weights_path), metadata=metadata)
    _write_json(target / "plans.json", _with_one_configuration(plans, configuration))
    _write_json(target / "dataset.json", dataset)
    relative = weights_path.relative_to(target).as_posix()
    card = card.replace(
        trainer_name=trainer_name,
        configuration=configuration,
        folds=(str(fold),),
        mirroring_axes=mirroring_axes,
        weights=(CardWeights(relative, sha256_of_file(weights_path), weights_path.stat().st_size),),
        derived=False,
    )
    card.write(target)
    return card


def unique_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with each tensor under its first name only, contiguous in memory.

    nnU-Net's state dicts name most tensors two to four times; the names share their memory, also after loading.
    """
    seen = set()
    unique = {}
    for name, tensor in state.items():
        identity = (tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape, tensor.stride())
        if tensor.numel() and identity in seen:
            continue
        seen.add(identity)
        unique[name] = tensor.detach().contiguous().clone()
    return unique


def _stored_half(name: str, tensor: Tensor) -> Tensor:
    """Return kernels of convolutions as float16; what is small or delicate (norms, state space) stays as it is."""
    if tensor.dtype != torch.float32 or tensor.dim() < 4:
        return tensor
    half = tensor.half()
    if not torch.isfinite(half).all():
        raise BadRequestError(f"The weights {name} are too large for float16; bundle the model without half_precision.")
    return half


def _with_one_configuration(plans: Mapping[str, Any], configuration: str) -> dict[str, Any]:
    """Return the plans with only the configuration and those it inherits from."""
    kept = {}
    current: str | None = configuration
    while current is not None and current not in kept:
        if current not in plans["configurations"]:
            raise BadRequestError(f"The plans have no configuration {current!r}, with which the fold was trained.")
        kept[current] = plans["configurations"][current]
        current = kept[current].get("inherits_from")
    return {**plans, "configurations": kept}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
