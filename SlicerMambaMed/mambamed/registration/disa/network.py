"""The DISA network: small, fully convolutional; its dot products approximate a similarity (DISA, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

from mambamed.errors import BadRequestError
from mambamed.registration.disa.blur_pool import BlurPool3d

__all__ = ["DISANet", "clip_norm"]

_COMPILED_PREFIX = "_orig_mod."


def clip_norm(features: Tensor) -> Tensor:
    """Shorten every descriptor longer than 1 to length 1; axis 1 holds the channels.

    Dot products of clipped descriptors are the similarity, at most 1.
    """
    return features / torch.linalg.vector_norm(features, dim=1, keepdim=True).clamp_min(1.0)


class _ConvolutionUnit(nn.Sequential):
    """3 x 3 x 3 convolution with zero padding and bias, then LeakyReLU 0.01."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(nn.Conv3d(channels_in, channels_out, 3, padding=1), nn.LeakyReLU(0.01, inplace=True))

    def forward(self, x: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = self[0].get_parameter("weight"), self[0].get_parameter("bias")
        return self[1](functional.conv3d(x, weight, bias, padding=dilation, dilation=dilation))


class _ResidualUnit(nn.Module):
    """Two convolution units plus identity; nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_ConvolutionUnit(channels, channels) for _ in range(2)])

    def forward(self, x: Tensor, dilation: int = 1) -> Tensor:
        return x + self.layers[1](self.layers[0](x, dilation), dilation)


class DISANet(nn.Module):
    """Ten layers, 90,752 trainable parameters, 16 features per voxel, total stride 4.

    The state dict has the keys of the reference implementation; those of a compiled module (prefix ``_orig_mod.``) load
    as well. The output is not clipped: see ``clip_norm``.
    """

    features: int = 16
    receptive_radius: int = 24
    """Voxels of the input on each side that an output voxel can depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                _ConvolutionUnit(1, 8),
                _ResidualUnit(8),
                _ConvolutionUnit(8, 16),
                BlurPool3d(16),
                _ResidualUnit(16),
                _ConvolutionUnit(16, 32),
                BlurPool3d(32),
                _ResidualUnit(32),
                nn.Conv3d(32, self.features, 1, bias=False),
            ]
        )

    def forward(self, x: Tensor, stride: int = 4) -> Tensor:
        """Compute descriptors.

        Args:
            x: (B, 1, X, Y, Z), normalised to mean 0 and standard deviation 1.
            stride: 4 as trained; 2 and 1 give denser descriptors by dilated filters ("a trous"), equal to those at
                stride 4 where both exist, borders aside.

        Returns:
            (B, 16, ceil(X / stride), ceil(Y / stride), ceil(Z / stride)); output sample k lies on input sample k *
            stride.
        """
        if stride not in (1, 2, 4):
            raise BadRequestError(f"Descriptors with stride {stride} were asked for; the network has 1, 2 or 4.")
        dilation, remaining = 1, stride
        for layer in self.layers:
            if isinstance(layer, BlurPool3d):
                step = 2 if remaining > 1 else 1
                x = layer(x, stride=step, dilation=dilation)
                remaining //= step
                dilation = dilation if step == 2 else 2 * dilation
            elif isinstance(layer, nn.Conv3d):
                x = layer(x)
            else:
                x = layer(x, dilation)
        return x

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights; keys may carry the prefix of a compiled module."""
        plain = {key.removeprefix(_COMPILED_PREFIX): value for key, value in state_dict.items()}
        return super().load_state_dict(plain, strict=strict, assign=assign)
