"""Convolutional decoder of the pyramid networks, and their head."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

__all__ = ["ConvolutionUnit", "UpsamplingUnit", "flow_convolution"]

FLOW_DEVIATION = 1e-5
"""Standard deviation of the initial weights of the head: training begins near the identity."""


class ConvolutionUnit(nn.Sequential):
    """3 x 3 x 3 convolution without bias, instance normalisation without parameters, LeakyReLU 0.01."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv3d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.InstanceNorm3d(channels_out),
            nn.LeakyReLU(0.01, inplace=True),
        )


class UpsamplingUnit(nn.Module):
    """Double the size (trilinear), append the skip connection, two convolution units."""

    def __init__(self, channels_in: int, channels_skip: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = ConvolutionUnit(channels_in + channels_skip, channels_out)
        self.conv2 = ConvolutionUnit(channels_out, channels_out)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, C, X, Y, Z) and its skip of twice the size -> (B, C_out, 2X, 2Y, 2Z)."""
        enlarged = functional.interpolate(x, scale_factor=2, mode="trilinear", align_corners=False)
        return self.conv2(self.conv1(torch.cat((enlarged, skip), dim=1)))


def flow_convolution(channels_in: int) -> nn.Conv3d:
    """The convolution that predicts the field: weights N(0, 1e-5), bias 0."""
    convolution = nn.Conv3d(channels_in, 3, 3, padding=1)
    nn.init.normal_(convolution.weight, std=FLOW_DEVIATION)
    nn.init.zeros_(convolution.get_parameter("bias"))
    return convolution
