"""Weights of any model, as tensors by name, from files that may come from anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.models.checkpoint import read_restricted

__all__ = ["load_weights"]

_USUAL_PLACES = ("network_weights", "state_dict", "model_state_dict", "model", "net", "network", "weights")


def load_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read weights from a file; code in the file is never executed.

    Args:
        path: A ``.safetensors`` file, or one written by ``torch.save`` (``.pth``, ``.pt``, ``.ckpt``, ``.bin``) that
            holds a state dict, or a dictionary with the state dict under one of the usual names (``network_weights``,
            ``state_dict``, ``model_state_dict``, ``model``, ...).

    Returns:
        Tensors by name, on the CPU, in the precision of the file.

    Raises:
        UnsafeFileError: The file would execute code, or holds objects that weights do not need.
        BadRequestError: The file does not exist, is damaged, or holds no weights.
    """
    file = Path(path)
    if file.suffix.lower() == ".safetensors":
        return _from_safetensors(file)
    content = read_restricted(file)
    state = _find_state(content)
    if state is None:
        kind = (
            f"a dictionary of {', '.join(map(str, list(content)[:8]))}" if isinstance(content, dict) else "other data"
        )
        raise BadRequestError(
            f"The file {file} holds no weights: expected tensors by name, or a dictionary with them under "
            f"{', '.join(_USUAL_PLACES[:4])}; found {kind or 'nothing'}."
        )
    return state


def _from_safetensors(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise BadRequestError(f"There is no file {file}; expected weights (.safetensors).")
    try:
        weights: dict[str, Tensor] = load_file(str(file))
    except (OSError, SafetensorError, ValueError) as error:
        raise BadRequestError(
            f"The file {file} cannot be read as safetensors: it is incomplete, damaged or of another kind ({error}). "
            "Copy or download it again."
        ) from error
    return weights


def _find_state(content: Any) -> dict[str, Tensor] | None:
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return {str(name): value.detach() for name, value in content.items()}
    for place in _USUAL_PLACES:
        found = _find_state(content.get(place))
        if found is not None:
            return found
    return None
