"""The chunked PyTorch backend against golden set a."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine.scan.golden import CASES
from engine.scan.golden import check_golden_case


@pytest.mark.shared_data
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_golden_values_and_gradients(shared_folder: Path, case: str, dtype: torch.dtype) -> None:
    check_golden_case(shared_folder / "golden", case, "torch", dtype)
