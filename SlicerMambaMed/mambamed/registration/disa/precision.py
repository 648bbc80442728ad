"""Which number format runs the DISA network fastest on a device: measured, not assumed."""

from __future__ import annotations

import copy
import time
from functools import lru_cache

import torch

from mambamed.registration.disa.network import DISANet

__all__ = ["fastest_precision", "inference_copy"]

_TRIAL_SIDE = 48
_WORTHWHILE_SPEEDUP = 1.3


def inference_copy(network: DISANet, precision: str, device: torch.device) -> DISANet:
    """A copy for inference: on ``device``, channels last, in "float32" or "bfloat16"."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    runner = copy.deepcopy(network).eval().to(device=device, dtype=dtype)
    for parameter in runner.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.to(memory_format=torch.channels_last_3d)
    return runner


@lru_cache(maxsize=8)
def fastest_precision(device_name: str) -> str:
    """Time both formats on a small volume, once per process and device.

    Returns:
        "bfloat16" if it is at least 1.3 times faster there, else "float32".
    """
    device = torch.device(device_name)
    seconds = {precision: _seconds(precision, device) for precision in ("float32", "bfloat16")}
    return "bfloat16" if seconds["bfloat16"] * _WORTHWHILE_SPEEDUP <= seconds["float32"] else "float32"


def _seconds(precision: str, device: torch.device) -> float:
    try:
        network = inference_copy(DISANet(), precision, device)
        volume = torch.zeros((1, 1) + (_TRIAL_SIDE,) * 3, device=device, dtype=next(network.parameters()).dtype)
        best = float("inf")
        with torch.inference_mode():
            for _ in range(3):
                start = time.perf_counter()
                # Reading one value back waits for an asynchronous device.
                network(volume)[0, 0, 0, 0, 0].item()
                best = min(best, time.perf_counter() - start)
        return best
    except RuntimeError:
        # The format does not exist on this device.
        return float("inf")
