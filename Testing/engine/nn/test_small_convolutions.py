"""Gradients of convolutions of tiny volumes in bfloat16 are those of float32."""

from __future__ import annotations

import copy

import pytest
import torch
from mambamed.nn.small_convolutions import keep_small_convolutions_exact
from torch import nn


def _fill_free_memory() -> None:
    """Leave huge numbers in the memory that the next tensors get: what is not initialised shows."""
    rubbish = [torch.full((count,), 1e30) for count in (100, 1000, 4000, 10000, 30000, 260000) for _ in range(3)]
    del rubbish


def _gradients(network: nn.Module, x: torch.Tensor, half: bool) -> list[torch.Tensor]:
    network.zero_grad()
    _fill_free_memory()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        result = network(x)
    (result.float() * torch.linspace(-1.0, 1.0, result.numel()).reshape(result.shape)).sum().backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


@pytest.mark.parametrize(("size", "stride"), [((2, 3, 2), 1), ((2, 8, 8), 1), ((1, 1, 1), 2), ((1, 1), 2)])
def test_tiny_volumes_are_convolved_in_float32(size: tuple[int, ...], stride: int) -> None:
    torch.manual_seed(0)
    kind = nn.Conv3d if len(size) == 3 else nn.Conv2d
    network = nn.Sequential(kind(16, 16, 3, stride=stride, padding=1))
    before = set(network.state_dict())
    keep_small_convolutions_exact(network)
    assert set(network.state_dict()) == before
    x = torch.randn(1, 16, *size)
    for _ in range(4):
        for found, wanted in zip(_gradients(network, x, True), _gradients(network, x, False), strict=True):
            assert torch.equal(found, wanted)


def test_others_follow_autocast_and_copies_have_their_own_weights() -> None:
    network = nn.Sequential(nn.Conv3d(4, 4, 3, padding=1))
    keep_small_convolutions_exact(network)
    other = copy.deepcopy(network)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert network(torch.ones(1, 4, 3, 3, 3)).dtype == torch.bfloat16
        assert network(torch.ones(1, 4, 2, 3, 3)).dtype == torch.float32
        network[0].weight.zero_()
        network[0].bias.zero_()
        assert float(other(torch.ones(1, 4, 2, 3, 3)).abs().max()) > 0.0
