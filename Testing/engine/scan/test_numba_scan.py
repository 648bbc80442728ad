"""The compiled CPU backend: golden set a, long sequences, threads, forks, and what it keeps on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from engine.scan.golden import CASES
from engine.scan.golden import check_golden_case
from engine.scan.random_inputs import random_inputs
from mambamed.scan import numba_scan
from mambamed.scan import selective_scan

SOURCE = Path(__file__).resolve().parents[3] / "SlicerMambaMed"


@pytest.mark.shared_data
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_golden_values_and_gradients(shared_folder: Path, case: str, dtype: torch.dtype) -> None:
    check_golden_case(shared_folder / "golden", case, "numba", dtype)


def values_and_gradients(inputs: dict[str, torch.Tensor], backend: str = "numba") -> list[torch.Tensor]:
    inputs = {name: tensor.detach().requires_grad_() for name, tensor in inputs.items()}
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    return [y.detach(), *torch.autograd.grad(y.cos().sum(), list(inputs.values()))]


def test_gradient_against_finite_differences() -> None:
    inputs = random_inputs(1, 4, 5, 3, "group2", "constant", dtype=torch.float64)
    names = list(inputs)

    def scan(*tensors: torch.Tensor) -> torch.Tensor:
        return selective_scan(**dict(zip(names, tensors, strict=True)), delta_softplus=True, backend="numba")

    assert torch.autograd.gradcheck(scan, [tensor.requires_grad_() for tensor in inputs.values()])


def test_windows_of_the_backward_pass_join(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = random_inputs(2, 6, 500, 5, "group2", "token", dtype=torch.float64)
    expected = values_and_gradients(inputs, "torch")
    monkeypatch.setattr(numba_scan, "_BACKWARD_TOKENS", 128)
    monkeypatch.setattr(numba_scan, "_GATHER_TOKENS", 100)
    for actual, wanted in zip(values_and_gradients(inputs), expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-9, atol=1e-9)


def test_slow_decay_over_a_long_sequence_stays_accurate() -> None:
    inputs = random_inputs(1, 4, 20_000, 16)
    inputs["delta_bias"] -= 6
    expected = values_and_gradients({name: tensor.double() for name, tensor in inputs.items()}, "torch")
    for actual, wanted, relative in zip(values_and_gradients(inputs), expected, [1e-5] + [5e-5] * 8, strict=True):
        assert (actual - wanted).abs().max() <= relative * wanted.abs().max()


def test_result_does_not_depend_on_threads() -> None:
    inputs = random_inputs(2, 24, 700, 16)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(values_and_gradients(inputs))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


def test_may_be_called_from_several_threads() -> None:
    inputs = random_inputs(1, 24, 900, 16)
    expected = values_and_gradients(inputs)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: values_and_gradients(inputs), range(8)))
    finally:
        torch.set_num_threads(before)
    for result in results:
        assert all(torch.equal(one, two) for one, two in zip(result, expected, strict=True))


def run_script(script: str, **variables: str) -> str:
    """Standard error of a script run in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_works_in_a_forked_process() -> None:
    run_script(
        """
        import multiprocessing
        import torch
        from mambamed.scan import selective_scan

        def total():
            torch.manual_seed(0)
            u = torch.randn(1, 32, 1000)
            weights = torch.randn(1, 16, 1000)
            return selective_scan(u, u.abs(), -torch.ones(32, 16), weights, weights, backend="numba").sum().item()

        torch.set_num_threads(2)
        expected = total()
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply_async(total).get(60) == expected
        """
    )


def test_compiles_once_into_the_chosen_folder(tmp_path: Path) -> None:
    script = """
        import logging
        import numba
        import torch
        from mambamed.scan import selective_scan

        logging.basicConfig(level=logging.INFO)
        before = numba.config.CACHE_DIR
        selective_scan(torch.ones(1, 1, 1), torch.ones(1, 1, 1), -torch.ones(1, 1), torch.ones(1, 1), torch.ones(1, 1))
        assert numba.config.CACHE_DIR == before
        """
    first = run_script(script, MAMBAMED_CACHE_DIR=str(tmp_path))
    assert "backend numba" in first
    assert "first use: compiled" in first
    assert list(tmp_path.glob("numba/*/*/*.nbi"))
    assert "compiled" not in run_script(script, MAMBAMED_CACHE_DIR=str(tmp_path))
