"""Feature pyramid with two more levels (Lin et al., CVPR 2017; the levels P6 and P7 as in RetinaNet, ICCV 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch import nn
from torch.nn import functional

__all__ = ["PYRAMID_STRIDES", "FeaturePyramid"]

PYRAMID_STRIDES = (8, 16, 32, 64, 128)
"""Pixels between neighbouring cells of P3 to P7 of a published network."""


class FeaturePyramid(nn.Module):
    """From C3 to C5 of a backbone to P3 to P7, all with as many channels."""

    def __init__(self, input_channels: Sequence[int], channels: int) -> None:
        """Make the convolutions.

        Args:
            input_channels: of C3, C4 and C5.
            channels: of each level of the pyramid.
        """
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, channels, 1) for count in input_channels)
        self.smooth = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in input_channels)
        self.to_p6 = nn.Conv2d(input_channels[-1], channels, 3, stride=2, padding=1)
        self.to_p7 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return P3 to P7.

        Args:
            features: C3, C4 and C5, each (N, channels of the level, H, W).
        """
        merged = [convolution(level) for convolution, level in zip(self.lateral, features, strict=True)]
        for index in range(len(merged) - 1, 0, -1):
            size = merged[index - 1].shape[-2:]
            merged[index - 1] = merged[index - 1] + functional.interpolate(merged[index], size=size, mode="nearest")
        levels = [convolution(level) for convolution, level in zip(self.smooth, merged, strict=True)]
        p6 = self.to_p6(features[-1])
        return [*levels, p6, self.to_p7(p6)]
