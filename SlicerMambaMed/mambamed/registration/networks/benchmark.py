"""Time and memory of the eight registration networks on the CPU, each in a process of its own.

``python -m mambamed.registration.networks.benchmark NAME SIDE THREADS`` measures one and prints JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mambamed.errors import MambaMedError
from mambamed.registration.networks.factory import NETWORK_NAMES
from mambamed.registration.networks.factory import build
from mambamed.scan.memory_probe import status_bytes

__all__ = ["MEASURED", "measure_network", "run"]

MEASURED = tuple(name for name in NETWORK_NAMES if not name.endswith("_recursive"))
"""VMambaMorph, MambaMorph, TransMorph and VoxelMorph, each with and without the feature extractor."""

_SIDE = 128
_WARM_UP_SIDE = 32
_THREADS = 2
_REPETITIONS = 2
_TITLES = {
    "vmambamorph": "VMambaMorph",
    "mambamorph": "MambaMorph",
    "transmorph": "TransMorph",
    "voxelmorph": "VoxelMorph",
}


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """The part of ``mambamed bench``: one pass of every network in the paper's size.

    Args:
        say: tells the user what is being measured.

    Raises:
        MambaMedError: a measuring process failed.
    """
    rows, measured = [], {}
    for name in MEASURED:
        say(f"{name}, {_SIDE}^3 voxels")
        found = _in_a_process(name)
        measured[name] = found
        family, _, features = name.partition("_")
        memory = "" if found["extra_bytes"] is None else f"{found['extra_bytes'] / 1e9:.2f}"
        rows.append(
            [
                _TITLES[family],
                "yes" if features else "no",
                f"{found['parameters'] / 1e6:.3f}",
                f"{found['seconds']:.1f}",
                f"{found['processor_seconds']:.1f}",
                memory,
            ]
        )
    table = {
        "title": f"One pass, {_SIDE}^3 voxels, float32",
        "columns": ["Network", "Feature extractor", "Parameters (M)", "Seconds", "Processor seconds", "Memory (GB)"],
        "rows": rows,
    }
    notes = [
        f"{_THREADS} threads, random weights in the paper's sizes, VMambaMorph corrected (six scan directions); the "
        f"faster of {_REPETITIONS} passes after a small one. Processor seconds add up all threads; where other work "
        "shares the processors, the clock runs longer.",
        "Memory is the largest that a pass adds to the loaded network and the two volumes (where Linux tells it).",
        "Parameters include the read-out head, which a registration does not use, as those of the paper's Table 1 do.",
    ]
    return {"title": "Registration networks", "tables": [table], "notes": notes, "data": measured}


def measure_network(name: str, side: int) -> dict[str, Any]:
    """Time one pass over two cubes of random numbers, here and now.

    Args:
        name: one of ``NETWORK_NAMES``.
        side: voxels along each axis.

    Returns:
        ``parameters``, ``seconds``, ``processor_seconds`` and ``extra_bytes`` (None where the system does not tell).
    """
    torch.manual_seed(0)
    network = build(name).eval()
    times = []
    with torch.inference_mode():
        # Code is compiled at first use.
        small = min(side, _WARM_UP_SIDE)
        network(*torch.rand(2, 1, 1, small, small, small))
        source, target = torch.rand(2, 1, 1, side, side, side)
        before = _reset_peak()
        for _ in range(_REPETITIONS):
            clock, processor = time.perf_counter(), time.process_time()
            network(source, target)
            times.append((time.perf_counter() - clock, time.process_time() - processor))
    extra = None if before is None else status_bytes("VmHWM") - before
    clock_seconds, processor_seconds = (min(values) for values in zip(*times, strict=True))
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "seconds": clock_seconds,
        "processor_seconds": processor_seconds,
        "extra_bytes": extra,
    }


def _reset_peak() -> int | None:
    """Let the kernel's high-water mark begin anew; memory now, or None where there is no such mark."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return status_bytes("VmRSS")
    except OSError:
        return None


def _in_a_process(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, name, str(_SIDE), str(_THREADS)]
    finished = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if finished.returncode:
        reason = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise MambaMedError(f"The network {name} could not be measured: its process ended with {reason}")
    content: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return content


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[3]))
    print(json.dumps(measure_network(sys.argv[1], int(sys.argv[2]))))
