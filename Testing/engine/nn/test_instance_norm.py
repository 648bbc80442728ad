"""Instance norm in both memory layouts against the formula, and the conversion of a network."""

from __future__ import annotations

import pytest
import torch
from mambamed.nn.instance_norm import InstanceNorm2d
from mambamed.nn.instance_norm import InstanceNorm3d
from mambamed.nn.instance_norm import keep_channels_last
from torch import nn

CASES = [
    (InstanceNorm2d, (1, 3, 7, 5), torch.channels_last),
    (InstanceNorm2d, (2, 3, 7, 5), torch.channels_last),
    (InstanceNorm3d, (1, 5, 4, 7, 6), torch.channels_last_3d),
    (InstanceNorm3d, (3, 5, 4, 7, 6), torch.channels_last_3d),
]


@pytest.mark.parametrize(("norm_class", "shape", "memory_format"), CASES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_formula_layout_and_gradient(norm_class, shape, memory_format, channels_last):
    torch.manual_seed(1)
    norm = norm_class(shape[1], affine=True).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    image = torch.randn(shape, dtype=torch.float64) * 2 + 3
    if channels_last:
        image = image.contiguous(memory_format=memory_format)
    image.requires_grad_()
    output = norm(image)

    axes = tuple(range(2, len(shape)))
    column = (1, -1) + (1,) * len(axes)
    mean = image.mean(axes, keepdim=True)
    variance = ((image - mean) ** 2).mean(axes, keepdim=True)
    expected = (image - mean) / (variance + norm.eps).sqrt() * norm.weight.view(column) + norm.bias.view(column)
    torch.testing.assert_close(output, expected)
    assert output.is_contiguous(memory_format=memory_format) == channels_last

    weights = torch.randn_like(output)
    names = (image, norm.weight, norm.bias)
    found = torch.autograd.grad((output * weights).sum(), names)
    wanted = torch.autograd.grad((expected * weights).sum(), names)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_large_images_are_normalised_precisely_without_gradient(offset):
    torch.manual_seed(1)
    norm = InstanceNorm3d(7, affine=True)
    nn.init.normal_(norm.weight)
    image = (torch.randn(2, 7, 41, 47, 43) + offset).contiguous(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        output = norm(image)
    expected = nn.functional.instance_norm(image.double(), None, None, norm.weight.double(), norm.bias.double())
    assert output.is_contiguous(memory_format=torch.channels_last_3d)
    assert (output - expected).abs().max().item() < (2e-6 if offset == 0 else 2e-5)


def test_bfloat16_keeps_layout_and_stays_close():
    torch.manual_seed(1)
    norm = InstanceNorm3d(6, affine=True)
    image = torch.randn(2, 6, 5, 8, 7).contiguous(memory_format=torch.channels_last_3d)
    low = norm(image.bfloat16())
    assert low.dtype == torch.bfloat16
    assert low.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(low.float(), norm(image), atol=0.05, rtol=0.02)


def test_conversion_changes_plain_instance_norms_alone():
    network = nn.Sequential(
        nn.Conv3d(1, 2, 3),
        nn.InstanceNorm3d(2, affine=True),
        nn.InstanceNorm3d(2, track_running_stats=True),
        nn.BatchNorm3d(2),
        nn.InstanceNorm2d(2),
    )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert keep_channels_last(network) is network
    assert [type(module).__module__.startswith("mambamed") for module in network] == [False, True, False, False, True]
    assert set(before) == set(network.state_dict())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
