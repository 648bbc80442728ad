"""The number format in which the DISA network runs."""

from __future__ import annotations

import copy

import torch

from mambamed.errors import BadRequestError
from mambamed.nn.precision import choose_precision
from mambamed.registration.disa.network import DISANet

__all__ = ["choose_format", "inference_copy"]


def choose_format(precision: str, device: torch.device) -> str:
    """Return "float32" or "bfloat16"; for "auto" bfloat16 only where this machine measures it as faster.

    The measurement is that of ``mambamed.nn.precision``, made once per machine and kept.

    Raises:
        BadRequestError: another format is asked for.
        DeviceUnavailableError: the device cannot compute in bfloat16.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise BadRequestError(f'The precision "{precision}" is unknown; choose auto, float32 or bfloat16.')
    if precision == "float32":
        return precision
    chosen = choose_precision(precision, device).name
    # Where float16 is fastest bfloat16 is as fast, and has the range of float32.
    return "float32" if chosen == "float32" else "bfloat16"


def inference_copy(network: DISANet, precision: str, device: torch.device) -> DISANet:
    """A copy for inference: on ``device``, channels last, in "float32" or "bfloat16"."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    runner = copy.deepcopy(network).eval().to(device=device, dtype=dtype)
    for parameter in runner.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.to(memory_format=torch.channels_last_3d)
    return runner
