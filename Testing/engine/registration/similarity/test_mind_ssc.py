"""MIND-SSC against golden set f and its properties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.similarity import mind_ssc
from safetensors.torch import load_file


@pytest.mark.shared_data
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 2e-6), (torch.float32, 5e-5)])
def test_golden(shared_folder: Path, dtype: torch.dtype, tolerance: float) -> None:
    golden = load_file(shared_folder / "golden/f_mindssc.safetensors")
    facts = json.loads((shared_folder / "golden/f_mindssc.json").read_text(encoding="utf-8"))
    for radius, dilation in facts["radius_dilation"]:
        result = mind_ssc(golden["volume"].to(dtype), radius, dilation)
        assert (result - golden[f"mindssc.r{radius}.d{dilation}"]).abs().max() <= tolerance


def test_contrast_does_not_matter_and_batch_members_are_independent() -> None:
    volume = torch.randn(1, 1, 9, 8, 11, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = torch.rand(1, 1, 9, 8, 11, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = mind_ssc(volume)
    torch.testing.assert_close(mind_ssc(-3.0 * volume + 7.0), expected)
    torch.testing.assert_close(mind_ssc(torch.cat((other, volume)))[1:], expected)


def test_a_constant_volume_has_no_context() -> None:
    assert torch.equal(mind_ssc(torch.full((1, 1, 6, 7, 5), 4.0)), torch.ones(1, 12, 6, 7, 5))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(BadRequestError, match="MIND-SSC"):
        mind_ssc(torch.zeros(1, 2, 6, 6, 6))
    with pytest.raises(BadRequestError, match="MIND-SSC"):
        mind_ssc(torch.zeros(1, 1, 6, 6, 6), radius=0)
