"""Deformable convolution against ordinary convolution, its definition in loops, and torchvision where installed."""

from __future__ import annotations

import math

import pytest
import torch
from mambamed.detection.networks import deformable_convolution as module
from mambamed.detection.networks.deformable_convolution import DeformableConvolution
from mambamed.detection.networks.deformable_convolution import deformable_convolution
from mambamed.errors import BadRequestError
from torch.nn import functional


def _inputs(seed: int = 0, size: tuple[int, int] = (5, 7)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    # Offsets of deviation 2 on a 5 x 7 image: many taps lie outside, some across the border.
    return [random(2, 3, *size), random(4, 3, 3, 3), random(4), 2 * random(2, 18, *size), random(2, 9, *size).sigmoid()]


def _by_definition(
    features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, offsets: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Equation 1 of the paper, one tap at a time, with the bilinear kernel of "Deformable ConvNets", equation 3."""
    count, _, height, width = features.shape
    result = bias.reshape(1, -1, 1, 1).repeat(count, 1, height, width)
    for n in range(count):
        for row in range(height):
            for column in range(width):
                for tap in range(9):
                    y = row + tap // 3 - 1 + float(offsets[n, 2 * tap, row, column])
                    x = column + tap % 3 - 1 + float(offsets[n, 2 * tap + 1, row, column])
                    value = torch.zeros(features.shape[1], dtype=features.dtype)
                    for cell_y in (math.floor(y), math.floor(y) + 1):
                        for cell_x in (math.floor(x), math.floor(x) + 1):
                            if 0 <= cell_y < height and 0 <= cell_x < width:
                                kernel = (1 - abs(y - cell_y)) * (1 - abs(x - cell_x))
                                value = value + kernel * features[n, :, cell_y, cell_x]
                    result[n, :, row, column] += weight[:, :, tap // 3, tap % 3] @ value * mask[n, tap, row, column]
    return result


def test_resting_taps_are_an_ordinary_convolution() -> None:
    for size in ((5, 7), (1, 1), (1, 6)):
        features, weight, bias, offsets, mask = _inputs(size=size)
        result = deformable_convolution(
            features, weight, bias, torch.zeros_like(offsets), torch.ones_like(mask), compiled=False
        )
        assert torch.allclose(result, functional.conv2d(features, weight, bias, padding=1), atol=1e-10)


def test_groups_of_channels_are_convolutions_of_their_own_at_the_same_places() -> None:
    features, weight, bias, offsets, mask = _inputs()
    other, other_weight = features.flip(-1) + 1, weight.flip(0)[:2]
    both = deformable_convolution(
        torch.cat((features, other), dim=1),
        torch.cat((weight[:2], other_weight)),
        bias,
        offsets,
        mask,
        compiled=False,
    )
    alone = [
        deformable_convolution(features, weight[:2], bias[:2], offsets, mask, compiled=False),
        deformable_convolution(other, other_weight, bias[2:], offsets, mask, compiled=False),
    ]
    assert torch.allclose(both, torch.cat(alone, dim=1), atol=1e-12)


def test_spread_taps_are_a_dilated_convolution() -> None:
    features, weight, _, offsets, mask = _inputs()
    reach = torch.stack(torch.meshgrid(torch.arange(-1.0, 2), torch.arange(-1.0, 2), indexing="ij"), dim=-1)
    spread = (2 * reach.reshape(1, 18, 1, 1)).expand_as(offsets).double()
    result = deformable_convolution(features, weight, None, spread, torch.ones_like(mask), compiled=False)
    assert torch.allclose(result, functional.conv2d(features, weight, padding=3, dilation=3), atol=1e-10)


def test_equals_its_definition() -> None:
    inputs = _inputs(1)
    assert torch.allclose(deformable_convolution(*inputs, compiled=False), _by_definition(*inputs), atol=1e-10)


def test_gradients_equal_finite_differences() -> None:
    inputs = [tensor.requires_grad_() for tensor in _inputs(2, (3, 2))]
    assert torch.autograd.gradcheck(lambda *values: deformable_convolution(*values, compiled=False), inputs)


def test_equals_torchvision() -> None:
    if module._torchvision_operator() is None:
        pytest.skip("no torchvision that fits this torch is installed; the plain operator is used")
    inputs = [tensor.requires_grad_() for tensor in _inputs(3)]
    results = [deformable_convolution(*inputs, compiled=compiled) for compiled in (False, True)]
    assert torch.allclose(*results, atol=1e-10)
    gradients = [torch.autograd.grad((result**2).sum(), inputs) for result in results]
    for plain, compiled in zip(*gradients, strict=True):
        assert torch.allclose(plain, compiled, atol=1e-8)


def test_layer_shares_offsets_and_keeps_half_precision() -> None:
    layer = DeformableConvolution(3, 4).bfloat16()
    features, _, _, offsets, mask = _inputs()
    result = layer(features.bfloat16(), offsets.float(), mask.float())
    assert result.shape == (2, 4, 5, 7)
    assert result.dtype == torch.bfloat16


def test_refuses_shapes_that_do_not_fit() -> None:
    features, weight, bias, offsets, mask = _inputs()
    with pytest.raises(BadRequestError, match="offsets"):
        deformable_convolution(features, weight, bias, offsets[:, :9], mask)
    with pytest.raises(BadRequestError, match="S odd"):
        deformable_convolution(features, weight[..., :2, :2], bias, offsets, mask)
