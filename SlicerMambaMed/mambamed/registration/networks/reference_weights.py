"""Reading the authors' checkpoints into a network made in reference mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mambamed.errors import BadRequestError

__all__ = ["load_reference_weights", "reference_names"]

_PREFIXES = ("_orig_mod.", "module.")
_SHOWN = 4


def load_reference_weights(network: nn.Module, state_dict: Mapping[str, Any]) -> nn.Module:
    """Load weights under the names of the public code.

    Sampling grids (``*.grid``), which the public code stores with the weights, are ignored; prefixes of compiled or
    data-parallel modules are removed; VoxelMorph's {config, model_state} files are opened.

    Args:
        network: made by ``from_reference_config`` or ``build`` with the same settings.
        state_dict: tensors by name (see ``mambamed.models.load_weights`` for reading files safely).

    Returns:
        The same network.

    Raises:
        BadRequestError: tensors are missing, unknown, or of another shape.
    """
    weights = reference_names(state_dict)
    own = network.state_dict()
    problems = _listed("missing", [name for name in own if name not in weights])
    problems += _listed("unknown", [name for name in weights if name not in own])
    problems += _listed(
        "of another shape",
        [
            f"{name} {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
            for name, value in own.items()
            if name in weights and weights[name].shape != value.shape
        ],
    )
    if problems:
        raise BadRequestError(
            "The weights do not belong to this network: "
            + "; ".join(problems)
            + ". Build it with from_reference_config "
            "from the configuration of the checkpoint (VMambaMorph's published weights need mode='reference')."
        )
    network.load_state_dict(weights)
    return network


def reference_names(state_dict: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return weights by the public code's own names: no sampling grids, prefixes, or enclosing dictionary."""
    if "model_state" in state_dict:
        state_dict = state_dict["model_state"]
    weights: dict[str, torch.Tensor] = {}
    for name, value in state_dict.items():
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        if not name.endswith(".grid"):
            weights[name] = value
    return weights


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return [f"{len(names)} tensors {what} ({shown})"]
