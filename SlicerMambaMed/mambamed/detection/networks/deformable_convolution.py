"""Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019, eq. 1) in plain torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

from mambamed.errors import BadRequestError

__all__ = ["DeformableConvolution", "deformable_convolution"]


def deformable_convolution(
    features: Tensor, weight: Tensor, bias: Tensor | None, offsets: Tensor, mask: Tensor, *, compiled: bool = True
) -> Tensor:
    """Convolve with taps that each output cell places and weighs on its own.

    Stride 1, and as much padding as keeps the size. What lies outside the image is 0, and a tap between cells takes
    their bilinear mean.

    Args:
        features: (N, I, H, W).
        weight: (O, I / groups, S, S), S odd; as in an ordinary convolution each of the groups of channels has its own
            part of the outputs. All groups are sampled at once.
        bias: (O,) or None.
        offsets: (N, 2 S S, H, W), cells; for each tap, row by row, its shift along y, then along x.
        mask: (N, S S, H, W), the factor on each tap.
        compiled: take torchvision's operator, which is defined alike, where it is installed and runs on the device.

    Returns:
        (N, O, H, W).

    Raises:
        BadRequestError: the shapes do not fit together.
    """
    _check(features, weight, offsets, mask)
    operator = _torchvision_operator() if compiled and features.device.type in {"cpu", "cuda"} else None
    if operator is not None:
        padding = weight.shape[-1] // 2
        return operator(
            features, offsets.to(features), weight, bias, padding=(padding, padding), mask=mask.to(features)
        )
    count, _, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        sampled = _sample(features, offsets, mask, weight.shape[-1]).to(features.dtype)
    # The sampled channels lie tap by tap; so must the weights.
    groups = features.shape[1] // weight.shape[1]
    parts = zip(sampled.chunk(groups, dim=-1), weight.chunk(groups), strict=True)
    results = [functional.linear(part.flatten(2), own.permute(0, 2, 3, 1).flatten(1)) for part, own in parts]
    result = torch.cat(results, dim=-1) if groups > 1 else results[0]
    if bias is not None:
        result = result + bias
    return result.transpose(1, 2).reshape(count, weight.shape[0], height, width)


class DeformableConvolution(nn.Module):
    """A modulated deformable convolution whose offsets and mask come from outside, so that branches can share them."""

    def __init__(self, input_channels: int, output_channels: int, kernel_size: int = 3) -> None:
        """Start the weights from a normal distribution of deviation 0.01, the bias from 0."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(output_channels, input_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(output_channels))
        nn.init.normal_(self.weight, std=0.01)

    def forward(self, features: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        """Convolve, see ``deformable_convolution``."""
        return deformable_convolution(features, self.weight, self.bias, offsets, mask)


def _sample(features: Tensor, offsets: Tensor, mask: Tensor, size: int) -> Tensor:
    """Return what each tap of each cell sees, weighed by the mask: (N, H W, S S, I).

    A tap's value is a weighted sum of four cells. Summing whole rows of channels is, on a CPU, some times as fast as
    sampling each channel's picture.
    """
    count, channels, height, width = features.shape
    # Half precision cannot count the cells of a large image.
    dtype = torch.promote_types(features.dtype, torch.float32)
    cells = features.to(dtype).permute(0, 2, 3, 1).reshape(count * height * width, channels)
    shifts = offsets.to(dtype).reshape(count, size * size, 2, height, width)
    reach = torch.arange(size, device=features.device, dtype=dtype) - size // 2
    tap_y, tap_x = (grid.reshape(-1, 1, 1) for grid in torch.meshgrid(reach, reach, indexing="ij"))
    rows = torch.arange(height, device=features.device, dtype=dtype)[:, None]
    columns = torch.arange(width, device=features.device, dtype=dtype)
    y = shifts[:, :, 0] + tap_y + rows
    x = shifts[:, :, 1] + tap_x + columns
    y_low, x_low = y.detach().floor(), x.detach().floor()
    first = (torch.arange(count, device=features.device) * (height * width)).reshape(-1, 1, 1, 1)
    places, weights = [], []
    for row, row_weight in ((y_low, 1 - (y - y_low)), (y_low + 1, y - y_low)):
        for column, column_weight in ((x_low, 1 - (x - x_low)), (x_low + 1, x - x_low)):
            inside = (row >= 0) & (row <= height - 1) & (column >= 0) & (column <= width - 1)
            place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            places.append(first + torch.where(inside, place, 0).long())
            weights.append(torch.where(inside, row_weight * column_weight * mask.to(dtype), 0.0))
    order = (0, 2, 3, 1, 4)  # image, row, column, tap, corner
    values = functional.embedding_bag(
        torch.stack(places, dim=-1).permute(order).reshape(-1, 4),
        cells,
        mode="sum",
        per_sample_weights=torch.stack(weights, dim=-1).permute(order).reshape(-1, 4),
    )
    return values.reshape(count, height * width, size * size, channels)


@cache
def _torchvision_operator() -> Callable[..., Any] | None:
    """Return torchvision's operator, None where the library is absent or does not fit this torch."""
    try:
        operator: Callable[..., Any] = import_module("torchvision.ops").deform_conv2d
        _ = torch.ops.torchvision.deform_conv2d  # absent when the library's binary does not load
    except (ImportError, AttributeError, RuntimeError, OSError):
        return None
    return operator


def _check(features: Tensor, weight: Tensor, offsets: Tensor, mask: Tensor) -> None:
    """Refuse shapes that do not fit together."""
    fits = features.ndim == 4 and weight.ndim == 4 and weight.shape[1] > 0
    fits = fits and features.shape[1] % weight.shape[1] == 0
    fits = fits and weight.shape[0] % max(1, features.shape[1] // weight.shape[1]) == 0
    fits = fits and weight.shape[2] == weight.shape[3] and weight.shape[2] % 2 == 1
    if fits:
        taps = math.prod(weight.shape[2:])
        count, _, height, width = features.shape
        fits = offsets.shape == (count, 2 * taps, height, width) and mask.shape == (count, taps, height, width)
    if not fits:
        raise BadRequestError(
            f"A deformable convolution has features {tuple(features.shape)}, weights {tuple(weight.shape)}, offsets "
            f"{tuple(offsets.shape)} and a mask {tuple(mask.shape)}; give (N, I, H, W), (O, I / groups, S, S) with S "
            "odd, (N, 2 S S, H, W) and (N, S S, H, W)."
        )
