"""LSKNet-S (Li et al., "Large Selective Kernel Network for Remote Sensing Object Detection", ICCV 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import nn

__all__ = ["LSKNetBackbone", "LargeSelectiveKernel"]

# The small network: channels, blocks and the feed-forward part's expansion of the four stages.
_CHANNELS = (64, 128, 320, 512)
_BLOCKS = (2, 2, 4, 2)
_EXPANSIONS = (8, 8, 4, 4)
_LAYER_SCALE = 0.01


class LargeSelectiveKernel(nn.Module):
    """Weigh features by a context of which each place selects the reach (the paper's section 3.3)."""

    def __init__(self, channels: int) -> None:
        """Make the convolutions; ``channels`` is even."""
        super().__init__()
        self.near = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        # On top of the 5x5 it sees 23x23 pixels.
        self.far = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.mix_near = nn.Conv2d(channels, channels // 2, 1)
        self.mix_far = nn.Conv2d(channels, channels // 2, 1)
        self.select = nn.Conv2d(2, 2, 7, padding=3)
        self.mix = nn.Conv2d(channels // 2, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape (N, channels, H, W)."""
        near = self.near(features)
        far = self.mix_far(self.far(near))
        near = self.mix_near(near)
        both = torch.cat((near, far), dim=1)
        pooled = torch.cat((both.mean(dim=1, keepdim=True), both.amax(dim=1, keepdim=True)), dim=1)
        masks = self.select(pooled).sigmoid()
        return features * self.mix(near * masks[:, :1] + far * masks[:, 1:])


class _Attention(nn.Module):
    """Selection between two mixings of the channels, with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 1),
            nn.GELU(),
            LargeSelectiveKernel(channels),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features)


class _Block(nn.Module):
    """Attention, then a feed-forward part with a depth-wise convolution, each normalised, scaled and added."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * channels
        self.attention = nn.Sequential(nn.BatchNorm2d(channels), _Attention(channels))
        self.feed_forward = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )
        self.attention_scale = nn.Parameter(torch.full((channels, 1, 1), _LAYER_SCALE))
        self.feed_forward_scale = nn.Parameter(torch.full((channels, 1, 1), _LAYER_SCALE))

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.attention_scale * self.attention(features)
        return features + self.feed_forward_scale * self.feed_forward(features)


class _ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (N, channels, H, W)."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.movedim(1, -1)).movedim(-1, 1)


class LSKNetBackbone(nn.Module):
    """LSKNet-S, giving its last three stages as C3 to C5, strides 8, 16 and 32 (or half of each).

    Attributes:
        channels: of C3, C4 and C5.
    """

    def __init__(self, width: float = 1.0, image_channels: int = 3, first_stride: int = 4) -> None:
        """Make the network with random weights.

        Args:
            width: factor on the channels, rounded to multiples of 8.
            image_channels: channels of the image.
            first_stride: of the first convolution, 4 (published) or 2.
        """
        super().__init__()
        planes = [max(8, 8 * round(width * count / 8)) for count in _CHANNELS]
        stages = []
        previous = image_channels
        for index, (count, blocks, expansion) in enumerate(zip(planes, _BLOCKS, _EXPANSIONS, strict=True)):
            kernel, stride = (7, first_stride) if index == 0 else (3, 2)
            embedding = nn.Conv2d(previous, count, kernel, stride=stride, padding=kernel // 2)
            body = [_Block(count, expansion) for _ in range(blocks)]
            stages.append(nn.Sequential(embedding, nn.BatchNorm2d(count), *body, _ChannelNorm(count, eps=1e-6)))
            previous = count
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(planes[1:])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels / module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return C3, C4 and C5 of images (N, channels, H, W)."""
        features = images
        levels = []
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        return levels[1:]
