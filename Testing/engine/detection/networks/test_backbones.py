"""Backbones: sizes, the published networks' parameters, and what weights from a file freeze."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mambamed.detection.networks.lsknet import LargeSelectiveKernel
from mambamed.detection.networks.lsknet import LSKNetBackbone
from mambamed.detection.networks.resnet import ResNetBackbone
from mambamed.errors import BadRequestError
from safetensors.torch import save_file
from torch import nn


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("depth", "published"), [(50, 25_557_032), (101, 44_549_160), (152, 60_192_808)])
def test_resnets_are_the_published_ones_without_the_classifier(depth: int, published: int) -> None:
    with torch.device("meta"):
        backbone = ResNetBackbone(depth)
    assert _parameters(backbone) == published - (2048 * 1000 + 1000)
    assert backbone.channels == (512, 1024, 2048)


def test_lsknet_is_of_the_published_size() -> None:
    with torch.device("meta"):
        backbone = LSKNetBackbone()
    classifier = 512 * 1000 + 1000
    assert round((_parameters(backbone) + classifier) / 1e6, 1) == 14.4  # LSKNet-S in the paper, in millions
    assert backbone.channels == (128, 320, 512)


@pytest.mark.parametrize("backbone", [ResNetBackbone(50, 0.125, 1), LSKNetBackbone(0.125, 1)])
def test_strides_and_gradients(backbone: ResNetBackbone | LSKNetBackbone) -> None:
    levels = backbone(torch.randn(2, 1, 70, 93))
    assert [level.shape[1] for level in levels] == list(backbone.channels)
    assert [tuple(level.shape[2:]) for level in levels] == [(9, 12), (5, 6), (3, 3)]
    sum(level.square().mean() for level in levels).backward()
    still = [name for name, value in backbone.named_parameters() if value.grad is None or not value.grad.abs().sum()]
    # A shift ahead of a normalisation over the batch changes nothing but by rounding.
    assert [name for name in still if not name.endswith("bias")] == []


def test_selection_lies_between_its_two_reaches() -> None:
    layer = LargeSelectiveKernel(4)
    features = torch.randn(1, 4, 30, 30)
    for near, far, reach in ((9.0, -99.0, 2), (-99.0, 9.0, 11)):
        with torch.no_grad():
            layer.select.weight.zero_()
            layer.select.bias.copy_(torch.tensor([near, far]))
        probe = features.clone().requires_grad_()
        # Where the features are 1 only the context's gradient spreads over the neighbours.
        layer(probe)[0, :, 15, 15].sum().backward()
        seen = probe.grad[0].abs().sum(dim=0).nonzero() - 15
        assert int(seen.abs().max()) == reach


def test_weights_from_a_file_freeze_the_first_stage_and_the_statistics(tmp_path: Path) -> None:
    donor = ResNetBackbone(50, 0.125)
    weights = {**donor.network.state_dict(), "fc.weight": torch.zeros(3, 3), "fc.bias": torch.zeros(3)}
    save_file(weights, tmp_path / "resnet50.safetensors")
    backbone = ResNetBackbone(50, 0.125)
    backbone.load_imagenet_weights(tmp_path / "resnet50.safetensors")
    backbone.train()
    before = {name: value.clone() for name, value in backbone.network.named_buffers()}
    backbone(torch.randn(2, 3, 64, 64))[-1].sum().backward()
    for name, value in backbone.network.named_buffers():
        assert torch.equal(value, before[name]), name
    for name, value in donor.network.state_dict().items():
        assert torch.equal(value, backbone.network.state_dict()[name]), name
    learning = {name.split(".")[0] for name, value in backbone.network.named_parameters() if value.grad is not None}
    assert learning == {"layer2", "layer3", "layer4"}


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file(ResNetBackbone(50, 0.125).network.state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(BadRequestError, match="do not fit"):
        ResNetBackbone(50, 0.25).load_imagenet_weights(tmp_path / "other.safetensors")
