"""Building blocks of U-Mamba: residual blocks, upsampling, and Mamba layers over voxels or over channels.

Ma, Li and Wang, "U-Mamba: Enhancing Long-range Dependency for Biomedical Image Segmentation", 2024, figure 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from dynamic_network_architectures.building_blocks.residual import BasicBlockD
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from mambamed.nn.instance_norm import matching_instance_norm
from mambamed.nn.mamba import Mamba

__all__ = ["BasicResBlock", "MambaLayer", "UpsampleLayer", "convolution_class", "residual_stage"]

NEGATIVE_SLOPE = 0.01
NORM_EPSILON = 1e-5


def convolution_class(dimension: int) -> type[nn.Conv2d] | type[nn.Conv3d]:
    """Return the convolution for images of 2 or 3 dimensions."""
    return nn.Conv2d if dimension == 2 else nn.Conv3d


class BasicResBlock(nn.Module):
    """Two convolutions with instance norm, a projected shortcut without norm, leaky ReLU; may change size and width.

    The shortcut is a 1x1 convolution with the block's stride, done as a selection of voxels and a convolution of
    stride 1: the backward pass of PyTorch 2.13's strided 1x1 convolution writes outside its memory on a CPU with
    several threads and channels-last images.

    Args:
        input_channels: Channels in.
        output_channels: Channels out.
        kernel_size: Kernel per axis; its length sets 2D or 3D.
        stride: Stride per axis of the first convolution and of the shortcut.
    """

    def __init__(
        self, input_channels: int, output_channels: int, kernel_size: Sequence[int], stride: Sequence[int]
    ) -> None:
        super().__init__()
        dimension = len(kernel_size)
        convolution = convolution_class(dimension)
        norm = matching_instance_norm(dimension)
        kernel = tuple(kernel_size)
        padding = tuple(size // 2 for size in kernel_size)
        self.conv1 = convolution(input_channels, output_channels, kernel, tuple(stride), padding)  # type: ignore[arg-type]
        self.norm1 = norm(output_channels, eps=NORM_EPSILON, affine=True)
        self.act1 = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        self.conv2 = convolution(output_channels, output_channels, kernel, 1, padding)  # type: ignore[arg-type]
        self.norm2 = norm(output_channels, eps=NORM_EPSILON, affine=True)
        self.act2 = nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)
        self.conv3 = convolution(input_channels, output_channels, 1)
        self.shortcut_voxels: tuple[Any, ...] = (..., *(slice(None, None, step) for step in stride))

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, input_channels, *size) to (batch, output_channels, *size / stride)."""
        residual = self.act1(self.norm1(self.conv1(image)))
        residual = self.norm2(self.conv2(residual))
        result: Tensor = self.act2(residual + self.conv3(image[self.shortcut_voxels]))
        return result


def residual_stage(
    blocks: int, input_channels: int, output_channels: int, kernel_size: Sequence[int], stride: Sequence[int]
) -> nn.Sequential:
    """Return a stage: one ``BasicResBlock`` that may change size and width, then ``blocks - 1`` identity blocks."""
    dimension = len(kernel_size)
    further = [
        BasicBlockD(
            convolution_class(dimension),
            output_channels,
            output_channels,
            list(kernel_size),
            1,
            conv_bias=True,
            norm_op=matching_instance_norm(dimension),
            norm_op_kwargs={"eps": NORM_EPSILON, "affine": True},
            nonlin=nn.LeakyReLU,
            nonlin_kwargs={"negative_slope": NEGATIVE_SLOPE, "inplace": True},
        )
        for _ in range(blocks - 1)
    ]
    return nn.Sequential(BasicResBlock(input_channels, output_channels, kernel_size, stride), *further)


class UpsampleLayer(nn.Module):
    """Nearest-neighbour upsampling with a 1x1 convolution.

    The convolution runs before the enlargement: copies of a voxel have equal values either way, and so the result is
    the same at a fraction of the work.
    """

    def __init__(self, input_channels: int, output_channels: int, scale: Sequence[int]) -> None:
        super().__init__()
        self.scale = tuple(float(factor) for factor in scale)
        self.conv = convolution_class(len(scale))(input_channels, output_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, input_channels, *size) to (batch, output_channels, *size * scale)."""
        return F.interpolate(self.conv(image), scale_factor=list(self.scale), mode="nearest")


class MambaLayer(nn.Module):
    """Layer norm and a Mamba block over the flattened feature map; its output replaces the map (no residual).

    Args:
        width: Token width: the number of channels, or of voxels with ``channel_token``.
        channel_token: Take each channel as one token as wide as the map has voxels, instead of each voxel.
    """

    def __init__(self, width: int, channel_token: bool = False) -> None:
        super().__init__()
        self.width = width
        self.channel_token = channel_token
        self.norm = nn.LayerNorm(width)
        self.mamba = Mamba(d_model=width, d_state=16, d_conv=4, expand=2)

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, channels, *size) to the same shape, in the precision of the weights whatever autocast says.

        Voxels are taken in array order, last axis fastest. Flattening a channels-last map into voxel tokens and back
        moves no memory.
        """
        with torch.autocast(device_type=image.device.type, enabled=False):
            flat = image.flatten(2).to(self.norm.weight.dtype)
            if self.channel_token:
                mapped = self.mamba(self.norm(flat)).unflatten(2, image.shape[2:])
                if not image.is_contiguous():
                    mapped = mapped.contiguous(memory_format=_channels_last(image))
                return mapped
            return self.mamba(self.norm(flat.transpose(1, 2))).transpose(1, 2).unflatten(2, image.shape[2:])


def _channels_last(image: Tensor) -> torch.memory_format:
    return torch.channels_last if image.dim() == 4 else torch.channels_last_3d
