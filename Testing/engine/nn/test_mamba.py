"""The Mamba block against golden set b, its initialisation, and its behaviour under autocast."""

from __future__ import annotations

import json
import math

import pytest
import torch
from mambamed.nn import Mamba
from safetensors.torch import load_file

CASES = ("case0", "case1", "case2", "case3")
KEYWORDS = ("d_state", "d_conv", "expand", "bias", "conv_bias")


@pytest.fixture(scope="module")
def golden(shared_folder):
    folder = shared_folder / "golden"
    return json.loads((folder / "b_mamba_block.json").read_text(encoding="utf-8")), load_file(
        folder / "b_mamba_block.safetensors"
    )


def load_case(golden, case, dtype):
    config, tensors = golden
    settings = {name: config[case][name] for name in KEYWORDS if name in config[case]}
    block = Mamba(config[case]["d_model"], **settings, scan_backend="reference").to(dtype)
    prefix = f"{case}.weight."
    block.load_state_dict({name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)})
    return block, {
        name[len(case) + 1 :]: value.to(dtype) for name, value in tensors.items() if name.startswith(f"{case}.")
    }


@pytest.mark.shared_data
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("dtype", "value_tolerance", "gradient_tolerance"), [(torch.float64, 2e-7, 1e-6), (torch.float32, 1e-5, 5e-5)]
)
def test_golden_values_and_gradients(golden, case, dtype, value_tolerance, gradient_tolerance):
    block, expected = load_case(golden, case, dtype)
    tokens = expected["x"].clone().requires_grad_()
    output = block(tokens)
    absolute = 1e-7 if dtype == torch.float64 else 0.0
    error = (output - expected["y"]).abs().max().item()
    assert error <= value_tolerance * expected["y"].abs().max().item() + absolute

    (output * expected["loss_weight"]).sum().backward()
    gradients = {f"grad.weight.{name}": parameter.grad for name, parameter in block.named_parameters()}
    gradients["grad.x"] = tokens.grad
    assert set(gradients) == {name for name in expected if name.startswith("grad.")}
    for name, gradient in gradients.items():
        error = (gradient - expected[name]).abs().max().item()
        assert error <= gradient_tolerance * expected[name].abs().max().item() + absolute, name


def test_initial_values_of_the_state_space_parameters():
    torch.manual_seed(3)
    block = Mamba(48, d_state=7)
    torch.testing.assert_close(block.A_log.exp(), torch.arange(1.0, 8.0).expand(96, 7))
    assert block.A_log.std(dim=0).max() < 1e-6
    assert torch.equal(block.D, torch.ones(96))
    assert block.dt_rank == 3
    assert block.dt_proj.weight.abs().max() <= 3**-0.5
    step = torch.nn.functional.softplus(block.dt_proj.bias)
    assert 1e-3 * 0.999 <= step.min() < 3e-3
    assert 3e-2 < step.max() <= 1e-1 * 1.001
    # log-uniform: the mean of the logarithm is the middle of its range, within four standard errors
    middle, width = math.log(1e-2), math.log(100)
    assert abs(step.log().mean().item() - middle) < 4 * width / math.sqrt(12 * 96)


def test_looks_only_backwards():
    torch.manual_seed(0)
    block = Mamba(6, scan_backend="reference")
    tokens = torch.randn(2, 9, 6)
    changed = tokens.clone()
    changed[:, 5:] += 1.0
    before, after = block(tokens), block(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().amax(dim=(0, 2)).min() > 1e-5


def test_runs_in_float32_under_autocast_and_for_low_precision_tokens():
    torch.manual_seed(0)
    block = Mamba(5)
    tokens = torch.randn(1, 11, 5).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = block(tokens)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, block(tokens.float()))


def test_single_token_and_not_contiguous_input():
    torch.manual_seed(0)
    block = Mamba(4)
    tokens = torch.randn(3, 4, 7).transpose(1, 2)
    torch.testing.assert_close(block(tokens)[:, :1], block(tokens[:, :1]))
    torch.testing.assert_close(block(tokens), block(tokens.contiguous()))
