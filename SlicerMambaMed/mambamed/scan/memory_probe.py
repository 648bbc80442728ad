"""Peak memory of one scan in a process of its own: ``python -m mambamed.scan.memory_probe LENGTH forward|training``.

Prints one JSON object. Linux only: the kernel's high-water mark is reset after the inputs and a warm-up.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from mambamed.scan.benchmark_inputs import benchmark_inputs
from mambamed.scan.dispatch import selective_scan

__all__ = ["measure_extra_memory", "status_bytes"]


def measure_extra_memory(length: int, training: bool, backend: str = "numba") -> dict[str, int | float]:
    """Bytes beyond the inputs at the peak of one scan, the result (and, in training, all gradients) included.

    Args:
        length: tokens; batch 1, 64 channels, state 16.
        training: forward and backward, else forward without gradient.
        backend: name of the backend.

    Returns:
        ``input_bytes``, ``extra_bytes`` and ``ratio`` of the two.
    """
    _run(benchmark_inputs(1000), training, backend)
    inputs = benchmark_inputs(length)
    input_bytes = sum(tensor.numel() * tensor.element_size() for tensor in inputs.values())
    Path("/proc/self/clear_refs").write_text("5")
    before = status_bytes("VmRSS")
    _run(inputs, training, backend)
    extra = status_bytes("VmHWM") - before
    return {"input_bytes": input_bytes, "extra_bytes": extra, "ratio": extra / input_bytes}


def _run(inputs: dict[str, Any], training: bool, backend: str) -> None:
    if not training:
        with torch.no_grad():
            selective_scan(**inputs, delta_softplus=True, backend=backend)
        return
    inputs = {name: tensor.requires_grad_() for name, tensor in inputs.items()}
    selective_scan(**inputs, delta_softplus=True, backend=backend).sum().backward()


def status_bytes(name: str) -> int:
    """A memory figure of this process as the Linux kernel tells it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    torch.set_num_threads(min(2, torch.get_num_threads()))
    print(json.dumps(measure_extra_memory(int(sys.argv[1]), sys.argv[2] == "training")))
