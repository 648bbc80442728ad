"""Measures the scan: ``python -m mambamed.scan.benchmark [--quick] [--json FILE] [--markdown FILE]``.

All figures of one table come from one run. On a CPU: updates per second, speed against the plain loop, cost of the
backward pass, memory, and the time that merely moving the same bytes takes. On a GPU: Triton against mamba_ssm, or
where that is missing against a device copy of the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mambamed.scan.benchmark_inputs import CHANNELS
from mambamed.scan.benchmark_inputs import STATE
from mambamed.scan.benchmark_inputs import benchmark_inputs
from mambamed.scan.benchmark_table import format_scan_benchmark
from mambamed.scan.benchmark_table import scan_notes
from mambamed.scan.benchmark_table import scan_tables
from mambamed.scan.dispatch import selective_scan
from mambamed.scan.registry import availability
from mambamed.version import __version__

__all__ = ["format_scan_benchmark", "run", "run_scan_benchmark"]

_THREADS = 2
_LONG = 200_000
_SHORT = 20_000
_PATIENCE_S = 10.0


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """The scan's part of ``mambamed bench``: ``title``, ``tables``, ``notes`` and ``data``.

    Args:
        say: tells the user what is being measured.
    """
    say("selective scan: every backend of this machine, forward and backward (a minute or two)")
    result = run_scan_benchmark()
    return {"title": "Selective scan", "tables": scan_tables(result), "notes": scan_notes(result), "data": result}


def run_scan_benchmark(quick: bool = False) -> dict[str, Any]:
    """Measure every backend that this machine can use; the result can be written as JSON.

    Args:
        quick: fewer repetitions and a tenth of the length, for a first look; the stated lengths tell so.
    """
    long_length, short_length = (_LONG // 10, _SHORT // 10) if quick else (_LONG, _SHORT)
    repetitions = 3 if quick else 7
    threads_before = torch.get_num_threads()
    torch.set_num_threads(min(_THREADS, os.cpu_count() or 1))
    try:
        result: dict[str, Any] = {
            "machine": _machine(),
            "sizes": {"batch": 1, "channels": CHANNELS, "state": STATE, "dtype": "float32"},
            "availability": availability(),
            "cpu": _measure_cpu(long_length, short_length, repetitions),
        }
        if torch.cuda.is_available():
            result["gpu"] = _measure_gpu(long_length, repetitions)
        return result
    finally:
        torch.set_num_threads(threads_before)


def _machine() -> dict[str, Any]:
    name = platform.processor()
    cpu_information = Path("/proc/cpuinfo")
    if cpu_information.exists():
        models = [line for line in cpu_information.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "mambamed": __version__,
    }


def _measure_cpu(long_length: int, short_length: int, repetitions: int) -> dict[str, Any]:
    rows = []
    plan = [("numba", long_length, repetitions), ("numba", short_length, 3 * repetitions)]
    plan += [("torch", short_length, 2), ("reference", short_length, 2)]
    usable = availability("cpu")
    for backend, length, repeats in plan:
        if usable[backend] is None:
            rows.append(_measure_backend(backend, length, repeats, "cpu", backward=backend != "reference"))
    figures: dict[str, Any] = {"rows": rows}
    by_name = {(row["backend"], row["length"]): row for row in rows}
    if ("numba", short_length) in by_name:
        fast, slow = by_name["numba", short_length], by_name["reference", short_length]
        figures["numba_against_reference"] = slow["forward_s"] / fast["forward_s"]
    inputs = benchmark_inputs(long_length)
    moved = [inputs["u"], inputs["delta"], inputs["z"], inputs["B"], inputs["C"]]
    targets = [torch.empty_like(tensor) for tensor in moved]
    figures["copy_of_inputs_s"] = _best(lambda: [t.copy_(s) for t, s in zip(targets, moved, strict=True)], repetitions)
    if sys.platform == "linux" and usable["numba"] is None:
        figures["extra_memory"] = {
            kind: _in_own_process("mambamed.scan.memory_probe", str(long_length), kind)
            for kind in ("forward", "training")
        }
    return figures


def _measure_gpu(length: int, repetitions: int) -> dict[str, Any]:
    rows = [
        _measure_backend(backend, length, repetitions, "cuda", backward=True)
        for backend, problem in availability("cuda").items()
        if problem is None and backend != "reference"
    ]
    inputs = benchmark_inputs(length, "cuda")
    moved = [inputs["u"], inputs["delta"], inputs["z"], inputs["B"], inputs["C"]]
    targets = [torch.empty_like(tensor) for tensor in moved]
    copy_s = _best(lambda: [t.copy_(s) for t, s in zip(targets, moved, strict=True)], repetitions, "cuda")
    return {"rows": rows, "copy_of_inputs_s": copy_s}


def _measure_backend(backend: str, length: int, repetitions: int, device: str, backward: bool) -> dict[str, Any]:
    """Best times of forward (no gradient) and backward of one backend."""
    inputs = benchmark_inputs(length, device)

    def forward() -> torch.Tensor:
        return selective_scan(**inputs, delta_softplus=True, backend=backend)

    with torch.no_grad():
        if backend != "reference":
            forward()
        forward_s = _best(forward, repetitions, device)
    row: dict[str, Any] = {
        "backend": backend,
        "length": length,
        "forward_s": forward_s,
        "updates_per_s": CHANNELS * STATE * length / forward_s,
    }
    if backward:
        for tensor in inputs.values():
            tensor.requires_grad_()
        given = list(inputs.values())
        y = forward()
        upstream = torch.ones_like(y)
        row["backward_s"] = _best(
            lambda: torch.autograd.grad(y, given, upstream, retain_graph=True), max(1, repetitions // 2), device
        )
        row["backward_to_forward"] = row["backward_s"] / forward_s
    return row


def _best(action: Callable[[], Any], repetitions: int, device: str = "cpu") -> float:
    """Shortest wall time in seconds; no further repetition once they took ten seconds together."""
    times: list[float] = []
    while len(times) < repetitions and sum(times) < _PATIENCE_S:
        if device == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        action()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times)


def _in_own_process(module: str, *arguments: str) -> dict[str, Any]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return {"problem": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no output"}
    return json.loads(done.stdout)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m mambamed.scan.benchmark", description="Measure the scan.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the length, fewer repetitions")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    arguments = parser.parse_args()
    result = run_scan_benchmark(arguments.quick)
    table = format_scan_benchmark(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
