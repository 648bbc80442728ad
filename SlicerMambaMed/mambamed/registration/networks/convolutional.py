"""The small convolutional U-Net of VoxelMorph, used as its backbone and as the feature extractor of all networks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

__all__ = ["FEATURE_CHANNELS", "ConvolutionBlock", "SmallUNet", "feature_extractor", "read_out_head"]

FEATURE_CHANNELS = 16


class ConvolutionBlock(nn.Module):
    """3 x 3 x 3 convolution (He normal weights, zero bias), LeakyReLU 0.2."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.main = nn.Conv3d(channels_in, channels_out, 3, stride=stride, padding=1)
        nn.init.kaiming_normal_(self.main.weight)
        nn.init.zeros_(self.main.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> (B, C_out, ...)."""
        return functional.leaky_relu(self.main(x), 0.2)


class SmallUNet(nn.Module):
    """One convolution per level, max pooling by 2, nearest-neighbour upsampling, then convolutions at full resolution.

    Args:
        channels_in: input channels.
        encoder_channels: channels of each level, finest first.
        decoder_channels: one per level, deepest first, then those of the convolutions at full resolution.
    """

    def __init__(self, channels_in: int, encoder_channels: Sequence[int], decoder_channels: Sequence[int]) -> None:
        super().__init__()
        levels = len(encoder_channels)
        self.encoder = nn.ModuleList()
        previous = channels_in
        for channels in encoder_channels:
            self.encoder.append(nn.Sequential(ConvolutionBlock(previous, channels)))
            previous = channels
        self.decoder = nn.ModuleList()
        for level, channels in enumerate(decoder_channels[:levels]):
            self.decoder.append(nn.Sequential(ConvolutionBlock(previous, channels)))
            previous = channels + encoder_channels[levels - 1 - level]
        self.remaining = nn.ModuleList()
        for channels in decoder_channels[levels:]:
            self.remaining.append(ConvolutionBlock(previous, channels))
            previous = channels
        self.multiple = 2**levels
        self.channels_out = previous

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, X, Y, Z), sizes divisible by ``multiple`` -> (B, channels_out, X, Y, Z)."""
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = functional.max_pool3d(x, 2)
        for block in self.decoder:
            x = functional.interpolate(block(x), scale_factor=2, mode="nearest")
            x = torch.cat((x, skips.pop()), dim=1)
        for block in self.remaining:
            x = block(x)
        return x


def feature_extractor(
    encoder_channels: Sequence[int] = (16, 16),
    decoder_channels: Sequence[int] = (16, 16, 16, 16),
    channels_in: int = 1,
) -> SmallUNet:
    """The extractor shared by both images (VMambaMorph, section 2.3): 1 -> 16 channels unless told otherwise."""
    return SmallUNet(channels_in, encoder_channels, decoder_channels)


def read_out_head(channels: int = FEATURE_CHANNELS) -> nn.Sequential:
    """Reduces features to 3 channels at half size, for a contrastive loss; not part of the registration itself."""
    return nn.Sequential(ConvolutionBlock(channels, channels // 2, stride=2), ConvolutionBlock(channels // 2, 3))
