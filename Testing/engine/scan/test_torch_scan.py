"""The chunked PyTorch backend against golden set a, and the length of its chunks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine.scan.golden import CASES
from engine.scan.golden import check_golden_case
from engine.scan.random_inputs import random_inputs
from mambamed.scan import torch_scan
from mambamed.scan.free_memory import free_memory_bytes
from mambamed.scan.inputs import prepare_inputs


@pytest.mark.shared_data
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_golden_values_and_gradients(shared_folder: Path, case: str, dtype: torch.dtype) -> None:
    check_golden_case(shared_folder / "golden", case, "torch", dtype)


@pytest.mark.parametrize(
    ("free_bytes", "tokens"), [(0, 1), (4 * 12 * 2 * 4 * 8 * 4 * 7, 7), (2**50, 1000)], ids=["none", "little", "plenty"]
)
def test_chunk_follows_the_free_memory(free_bytes: int, tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_scan, "free_memory_bytes", lambda device: free_bytes)
    inputs = prepare_inputs(**random_inputs(2, 4, 1000, 8), delta_softplus=True)
    assert torch_scan.chunk_tokens(inputs) == tokens


def test_free_memory_is_told() -> None:
    assert free_memory_bytes(torch.device("cpu")) > 2**20
    assert free_memory_bytes(torch.device("meta")) > 2**20
