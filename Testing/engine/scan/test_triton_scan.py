"""The Triton kernels without a GPU: interpreted on the CPU against golden set a, and compiled for GPUs not present."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("Triton exists for Linux alone", allow_module_level=True)

TESTING = Path(__file__).resolve().parents[2]


def run_module(module: str, *arguments: str, **variables: str) -> str:
    """Output of a module run in a fresh process, where Triton reads its variables anew."""
    path = os.pathsep.join((str(TESTING.parent / "SlicerMambaMed"), str(TESTING)))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **variables}
    environment.pop("MAMBAMED_SCAN_BACKEND", None)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.shared_data
def test_interpreted_kernels_agree_with_golden_cases(shared_folder: Path) -> None:
    cases = ("case0", "case2", "case6")
    output = run_module("engine.scan.triton_check", str(shared_folder / "golden"), *cases, TRITON_INTERPRET="1")
    assert output.count("agrees") == 4 * len(cases)


@pytest.mark.slow
def test_kernels_compile_for_gpus(tmp_path: Path) -> None:
    output = run_module("engine.scan.triton_compile", "80", TRITON_CACHE_DIR=str(tmp_path), TRITON_INTERPRET="0")
    sizes = [int(line.split()[-1]) for line in output.splitlines()]
    assert len(sizes) == 6
    assert min(sizes) > 0
