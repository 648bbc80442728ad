"""Weights from safetensors and from the usual forms of ``torch.save`` files."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.models import load_weights
from safetensors.torch import save_file

STATE = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.tensor([1.5]).half()}


def test_safetensors(tmp_path):
    save_file(STATE, str(tmp_path / "weights.safetensors"))
    assert_same(load_weights(tmp_path / "weights.safetensors"))


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        OrderedDict(STATE),
        {name: torch.nn.Parameter(value) for name, value in STATE.items()},
        {"epoch": 3, "state_dict": STATE},
        {"model_state_dict": OrderedDict(STATE), "optimizer": {"lr": 0.1}},
        {"model": {"state_dict": STATE}},
        {"network_weights": STATE, "trainer_name": "nnUNetTrainer"},
    ],
)
def test_usual_forms(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    weights = load_weights(str(tmp_path / "weights.pth"))
    assert_same(weights)
    assert not any(value.requires_grad for value in weights.values())


def assert_same(weights):
    assert set(weights) == set(STATE)
    for name, value in STATE.items():
        assert weights[name].dtype == value.dtype
        assert torch.equal(weights[name], value)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, {"state_dict": {"a": 1}}, [torch.zeros(1)], torch.zeros(2)])
def test_files_without_weights(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(BadRequestError, match="holds no weights"):
        load_weights(tmp_path / "weights.pth")


def test_damaged_and_missing_safetensors(tmp_path):
    with pytest.raises(BadRequestError, match="There is no file"):
        load_weights(tmp_path / "weights.safetensors")
    save_file(STATE, str(tmp_path / "weights.safetensors"))
    data = (tmp_path / "weights.safetensors").read_bytes()
    for damaged in (data[:-3], data[:4], b"text", b""):
        (tmp_path / "weights.safetensors").write_bytes(damaged)
        with pytest.raises(BadRequestError, match="cannot be read as safetensors"):
            load_weights(tmp_path / "weights.safetensors")
