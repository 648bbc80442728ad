"""Priors of the pyramid against golden set h and their definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mambamed.detection.networks.priors import grid_priors
from mambamed.detection.networks.priors import prior_shift_factors
from safetensors.torch import load_file


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["sparse", "crowded", "k8q6"])
def test_golden(shared_folder: Path, name: str) -> None:
    golden = load_file(shared_folder / f"golden/h_dcfl_assign_{name}.safetensors")
    size = int(json.loads((shared_folder / f"golden/h_dcfl_assign_{name}.json").read_text(encoding="utf-8"))["img"])
    priors, levels = grid_priors([(size // stride, size // stride) for stride in (8, 16, 32)], (8, 16, 32))
    assert torch.equal(priors, golden["priors"])
    assert torch.equal(levels, golden["level"].to(levels))


def test_rows_then_columns() -> None:
    priors, levels = grid_priors([(2, 3), (1, 1)], (8, 16))
    assert priors[:, :2].tolist() == [[0, 0], [8, 0], [16, 0], [0, 8], [8, 8], [16, 8], [0, 0]]
    assert priors[:, 2:].tolist() == [[32, 32, 0]] * 6 + [[64, 64, 0]]
    assert levels.tolist() == [0] * 6 + [1]


def test_factor_of_the_shift() -> None:
    assert prior_shift_factors(torch.tensor([0, 1, 4]), 1024).tolist() == [4, 8, 64]
    assert prior_shift_factors(torch.tensor([0]), 256).tolist() == [1]
