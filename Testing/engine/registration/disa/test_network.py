"""The DISA network against golden set e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.registration.disa import DISANet
from mambamed.registration.disa import clip_norm
from safetensors.torch import load_file

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-5}
GRADIENT_TOLERANCE = {torch.float64: (1e-4, 1e-7), torch.float32: (5e-3, 1e-4)}


def _golden(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    golden = load_file(folder / "golden/e_disanet.safetensors")
    prefix = "state_dict."
    return golden, {key[len(prefix) :]: value for key, value in golden.items() if key.startswith(prefix)}


@pytest.mark.shared_data
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
def test_golden_outputs(shared_folder: Path, dtype: torch.dtype, prefix: str) -> None:
    golden, weights = _golden(shared_folder)
    network = DISANet()
    result = network.load_state_dict({prefix + key: value for key, value in weights.items()})
    assert not result.missing_keys
    assert not result.unexpected_keys
    network = network.to(dtype)
    for case in (0, 1):
        expected = golden[f"output{case}"]
        error = (network(golden[f"input{case}"].to(dtype)) - expected).abs().max()
        assert error <= TOLERANCE[dtype] * expected.abs().max()
    centre = network(golden["input0"].to(dtype))[:, :, 4, 4, 4]
    assert (centre - golden["descriptor_center0"]).abs().max() <= TOLERANCE[dtype]
    assert (clip_norm(centre) - golden["descriptor_clamped0"]).abs().max() <= TOLERANCE[dtype]


@pytest.mark.shared_data
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_golden_gradients(shared_folder: Path, dtype: torch.dtype) -> None:
    golden, weights = _golden(shared_folder)
    facts = json.loads((shared_folder / "golden/e_disanet.gradnorms.json").read_text(encoding="utf-8"))
    network = DISANet()
    network.load_state_dict(weights)
    network = network.to(dtype)
    loss = (network(golden["input0"].to(dtype)) ** 2).mean()
    loss.backward()
    assert loss.item() == pytest.approx(facts["loss"], rel=1e-5)
    relative, absolute = GRADIENT_TOLERANCE[dtype]
    largest = max(value for value in facts["grad_l2_norm"].values() if value is not None)
    parameters = dict(network.named_parameters())
    assert parameters.keys() == facts["grad_l2_norm"].keys()
    for name, expected in facts["grad_l2_norm"].items():
        gradient = parameters[name].grad
        if expected is None:
            assert gradient is None, name
        else:
            assert gradient.norm().item() == pytest.approx(expected, rel=relative, abs=absolute * largest), name


def test_parameter_count_of_the_paper() -> None:
    assert sum(p.numel() for p in DISANet().parameters() if p.requires_grad) == 90_752


@pytest.mark.parametrize("stride", [1, 2])
def test_dense_descriptors_contain_those_of_stride_four(stride: int) -> None:
    torch.manual_seed(0)
    network = DISANet().double()
    volume = torch.randn(1, 1, 33, 29, 37, dtype=torch.float64)
    with torch.inference_mode():
        sparse = network(volume)
        dense = network(volume, stride=stride)
    assert dense.shape[2:] == tuple(-(-size // stride) for size in volume.shape[2:])
    step = 4 // stride
    # With sizes of 4n + 1 even the borders agree.
    torch.testing.assert_close(dense[:, :, ::step, ::step, ::step], sparse, rtol=0, atol=1e-12)


def test_other_strides_are_refused() -> None:
    with pytest.raises(BadRequestError, match="stride 3"):
        DISANet()(torch.zeros(1, 1, 8, 8, 8), stride=3)


def test_clipping_only_shortens() -> None:
    features = torch.tensor([[3.0, 0.3], [4.0, 0.4]])[None]
    torch.testing.assert_close(clip_norm(features), torch.tensor([[0.6, 0.3], [0.8, 0.4]])[None])
