"""Checkpoints of PyTorch read without executing anything from them."""

from __future__ import annotations

import os
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError

__all__ = ["read_checkpoint", "read_restricted"]

_SCALAR_TYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FLOAT_TYPES = ("float16", "float32", "float64")
_SIGNS_OF_DAMAGE = (
    AssertionError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def _allowed_globals() -> list[Any]:
    """Return what trained checkpoints hold beyond PyTorch's own safe types: numpy numbers, and how they are rebuilt.

    After the first epoch nnU-Net's log holds numpy scalars. They are stored as a call of ``multiarray.scalar``, whose
    module was renamed in numpy 2, with a ``dtype`` whose concrete class PyTorch checks too.
    """
    from numpy._core.multiarray import scalar

    concrete = [type(numpy.dtype(name)) for name in (*_SCALAR_TYPES, *_FLOAT_TYPES)]
    return [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        numpy.dtype,
        *concrete,
    ]


def read_restricted(path: str | os.PathLike[str]) -> Any:
    """Read a file written by ``torch.save`` with PyTorch's restricted unpickler, onto the CPU.

    Only tensors, plain Python containers and values, and numpy numbers are made; nothing in the file can be called.

    Args:
        path: A ``.pth``, ``.pt``, ``.ckpt`` or ``.bin`` file.

    Raises:
        UnsafeFileError: The file holds something else; the message names it.
        BadRequestError: The file does not exist, is damaged, or was not written by PyTorch.
    """
    file = Path(path)
    if not file.is_file():
        raise BadRequestError(f"There is no file {file}; expected a checkpoint (.pth).")
    try:
        with torch.serialization.safe_globals(_allowed_globals()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about other forms of pickle, which are refused below
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(file, str(error)) from None
    except _SIGNS_OF_DAMAGE as error:
        raise _damaged(file, error) from error


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint of nnU-Net v2 or U-Mamba.

    Args:
        path: For example ``fold_0/checkpoint_final.pth``.

    Returns:
        The dictionary that the trainer saved, among others ``network_weights`` (tensors by name), ``init_args``,
        ``trainer_name`` and ``inference_allowed_mirroring_axes``.

    Raises:
        UnsafeFileError: Reading the file would execute code or make objects that a checkpoint does not need.
        BadRequestError: The file does not exist, is damaged, or is no such checkpoint.
    """
    content = read_restricted(path)
    weights = content.get("network_weights") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights or not all(isinstance(item, Tensor) for item in weights.values()):
        found = (
            f"with the entries {', '.join(map(str, list(content)[:8]))}" if isinstance(content, dict) else "of no kind"
        )
        raise BadRequestError(
            f"The file {path} is not a checkpoint of nnU-Net v2 or U-Mamba: expected a dictionary whose "
            f"network_weights are tensors by name, found one {found}. Choose a checkpoint_final.pth of a trained fold."
        )
    return content


def _refusal(file: Path, message: str) -> BadRequestError:
    """Turn the unpickler's message into a refusal that names what was found, or say that the file is damaged."""
    named = re.search(r"GLOBAL ([\w.<>]+)", message)
    if named:
        what = f"it asks for {named.group(1)}"
    elif re.search(r"reduce|Can only (create|build|set)", message) or (
        "Unsupported operand" in message and zipfile.is_zipfile(file)
    ):
        what = "it asks for a call or an operation that weights do not need"
    else:
        return _damaged(file, message)
    return UnsafeFileError(
        f"The file {file} was refused, since reading it could execute code: {what}. Expected tensors, plain values and "
        "numpy numbers only. Nothing was executed. If you trust its origin, have its author save the weights alone "
        "(for example as .safetensors)."
    )


def _damaged(file: Path, error: Exception | str) -> BadRequestError:
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    return BadRequestError(
        f"The file {file} cannot be read as a PyTorch checkpoint: it is incomplete, damaged or of another kind "
        f"({reason}). Copy or download it again."
    )
