"""Anti-aliased downsampling (Zhang 2019): a fixed binomial filter, then every second sample."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

__all__ = ["BlurPool3d"]

_TAPS = (1.0, 4.0, 6.0, 4.0, 1.0)


class BlurPool3d(nn.Module):
    """Separable [1 4 6 4 1] / 16 filter with replicated borders, followed by stride 2 (output size ceil(n / 2)).

    The kernel is kept whole, as the frozen parameter ``f`` (channels, 1, 5, 5, 5), because checkpoints hold it; the
    filter itself runs axis after axis.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor(_TAPS) / sum(_TAPS)
        kernel = torch.einsum("i,j,k->ijk", taps, taps, taps)
        self.f = nn.Parameter(kernel.expand(channels, 1, 5, 5, 5).clone(), requires_grad=False)

    def forward(self, x: Tensor, stride: int = 2, dilation: int = 1) -> Tensor:
        """Filter (B, C, X, Y, Z) with taps ``dilation`` samples apart, and keep every ``stride``-th sample."""
        channels = x.shape[1]
        taps = self.f[0, 0].sum(dim=(1, 2))
        margin = 2 * dilation
        result = x
        for axis in range(3):
            shape, pad, step, spread = [1, 1, 1], [0] * 6, [1, 1, 1], [1, 1, 1]
            shape[axis], step[axis], spread[axis] = 5, stride, dilation
            pad[4 - 2 * axis] = pad[5 - 2 * axis] = margin
            result = functional.pad(result, pad, mode="replicate")
            kernel = taps.reshape(1, 1, *shape).expand(channels, 1, *shape)
            result = functional.conv3d(result, kernel, stride=step, dilation=spread, groups=channels)
        return result
