"""The fused norm is PyTorch's instance norm and leaky ReLU, in every layout and format, with large means too."""

from __future__ import annotations

import pytest
import torch
from mambamed.nn.fused_norm import FusedInstanceNorm
from mambamed.nn.fused_norm import fuse_instance_norms
from torch import Tensor
from torch import nn
from torch.nn import functional as F

SHAPES = [(2, 5, 9, 7), (1, 1, 24, 20), (2, 5, 6, 9, 7), (1, 4, 1, 1, 3), (3, 64, 2, 3, 4), (1, 32, 20, 31, 17)]


def make_norm(channels: int, dimension: int) -> nn.InstanceNorm2d | nn.InstanceNorm3d:
    norm = (nn.InstanceNorm2d if dimension == 2 else nn.InstanceNorm3d)(channels, affine=True)
    nn.init.normal_(norm.weight, 1.0, 0.3)
    nn.init.normal_(norm.bias)
    return norm


def expected(norm: nn.Module, image: Tensor, slope: float) -> Tensor:
    weight, bias = norm.weight.double(), norm.bias.double()  # type: ignore[operator]
    return F.leaky_relu(F.instance_norm(image.double(), weight=weight, bias=bias), slope)


def layout_of(image: Tensor) -> torch.memory_format:
    return torch.channels_last if image.dim() == 4 else torch.channels_last_3d


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
@torch.inference_mode()
def test_equal_to_norm_and_activation(shape: tuple[int, ...], dtype: torch.dtype, is_last: bool, inplace: bool) -> None:
    torch.manual_seed(len(shape))
    image = torch.randn(shape).to(dtype)
    if is_last:
        image = image.contiguous(memory_format=layout_of(image))
    norm = make_norm(shape[1], len(shape) - 2)
    truth = expected(norm, image, 0.01)
    before = image.clone()
    found = FusedInstanceNorm(norm, 0.01, inplace)(image)
    assert found.dtype == dtype
    if is_last:
        assert found.is_contiguous(memory_format=layout_of(found))
    if not inplace:
        torch.testing.assert_close(image, before)
    # Half a unit in the last place of bfloat16 is 1/512.
    tolerance = 4e-3 if dtype == torch.bfloat16 else 2e-6
    torch.testing.assert_close(found.double(), truth, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mean", [30.0, 1000.0])
@torch.inference_mode()
def test_large_mean_and_small_spread_keep_their_digits(mean: float) -> None:
    torch.manual_seed(1)
    image = (mean + 0.5 * torch.randn(1, 16, 30, 41, 37)).contiguous(memory_format=torch.channels_last_3d)
    norm = make_norm(16, 3)
    found = FusedInstanceNorm(norm, 1.0, inplace=False)(image)
    assert (found.double() - expected(norm, image, 1.0)).abs().max() < 1e-5


@torch.inference_mode()
def test_not_a_number_stays_one() -> None:
    image = torch.randn(1, 3, 4, 5, 6).bfloat16().contiguous(memory_format=torch.channels_last_3d)
    image[0, 1, 2, 3, 4] = float("nan")
    found = FusedInstanceNorm(make_norm(3, 3), 0.01, inplace=True)(image)
    assert found[0, 1].isnan().all()
    assert not found[0, 0].isnan().any()


@torch.inference_mode()
def test_threads_do_not_matter_much() -> None:
    image = torch.randn(1, 32, 24, 33, 35).contiguous(memory_format=torch.channels_last_3d)
    norm = FusedInstanceNorm(make_norm(32, 3), 0.01, inplace=False)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = norm(image)
        torch.set_num_threads(3)
        three = norm(image)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(one, three, rtol=1e-6, atol=1e-6)


@torch.inference_mode()
def test_networks_give_the_same_with_fused_norms() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Sequential(nn.Conv3d(1, 8, 3, padding=1), nn.InstanceNorm3d(8, affine=True), nn.LeakyReLU(0.01)),
        nn.Sequential(nn.InstanceNorm3d(8, affine=True), nn.Conv3d(8, 4, 1), nn.InstanceNorm3d(4), nn.ReLU()),
    ).eval()
    image = torch.randn(1, 1, 9, 8, 7).contiguous(memory_format=torch.channels_last_3d)
    truth = network(image)
    fused = fuse_instance_norms(network)
    kinds = [type(module) for module in fused.modules()]
    assert kinds.count(FusedInstanceNorm) == 3
    assert nn.InstanceNorm3d not in kinds
    torch.testing.assert_close(fused(image), truth, rtol=1e-5, atol=1e-5)
