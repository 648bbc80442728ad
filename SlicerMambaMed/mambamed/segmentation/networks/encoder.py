"""The encoder of U-Mamba: residual stages, each with a Mamba layer in the Enc variant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.segmentation.networks.blocks import MambaLayer
from mambamed.segmentation.networks.blocks import residual_stage

__all__ = ["MambaEncoder", "ResidualEncoder", "feature_map_sizes"]


class ResidualEncoder(nn.Module):
    """A stem at full resolution followed by one residual stage per resolution; returns every stage's output.

    Args:
        input_channels: Channels of the image.
        features_per_stage: Channels per stage.
        kernel_sizes: Kernel per stage and axis.
        strides: Stride per stage and axis; the first is normally all ones (the stem adds no resolution of its own).
        blocks_per_stage: Residual blocks per stage; the stem has as many as stage 0.
    """

    def __init__(
        self,
        input_channels: int,
        features_per_stage: Sequence[int],
        kernel_sizes: Sequence[Sequence[int]],
        strides: Sequence[Sequence[int]],
        blocks_per_stage: Sequence[int],
    ) -> None:
        super().__init__()
        self.output_channels = tuple(features_per_stage)
        self.kernel_sizes = tuple(tuple(kernel) for kernel in kernel_sizes)
        self.strides = tuple(tuple(stride) for stride in strides)
        ones = (1,) * len(self.kernel_sizes[0])
        self.stem = residual_stage(blocks_per_stage[0], input_channels, features_per_stage[0], kernel_sizes[0], ones)
        stages = []
        channels = features_per_stage[0]
        for features, kernel, stride, blocks in zip(
            features_per_stage, kernel_sizes, strides, blocks_per_stage, strict=True
        ):
            stages.append(residual_stage(blocks, channels, features, kernel, stride))
            channels = features
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (batch, input_channels, *size) to the maps of all stages, full resolution first."""
        image = self.stem(image)
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps


class MambaEncoder(ResidualEncoder):
    """The encoder of U-Mamba Enc: a Mamba layer after every stage (3D) or after every second, the last included (2D).

    Where a map has no more voxels than channels, the channels are the tokens and the width of the layer is the number
    of voxels. That number follows from the planned patch size, so the weights fit that size alone.

    Args:
        input_channels: Channels of the image.
        features_per_stage: Channels per stage.
        kernel_sizes: Kernel per stage and axis.
        strides: Stride per stage and axis.
        blocks_per_stage: Residual blocks per stage.
        patch_size: Planned patch size in voxels.

    Raises:
        BadRequestError: The patch size is not a multiple of the strides.
    """

    def __init__(
        self,
        input_channels: int,
        features_per_stage: Sequence[int],
        kernel_sizes: Sequence[Sequence[int]],
        strides: Sequence[Sequence[int]],
        blocks_per_stage: Sequence[int],
        patch_size: Sequence[int],
    ) -> None:
        super().__init__(input_channels, features_per_stage, kernel_sizes, strides, blocks_per_stage)
        self.patch_size = tuple(patch_size)
        sizes = feature_map_sizes(self.patch_size, self.strides)
        stages = len(self.output_channels)
        every = 1 if len(self.patch_size) == 3 else 2
        layers: list[nn.Module] = []
        self.channel_token_sizes: dict[int, tuple[int, ...]] = {}
        for stage in range(stages):
            if (stages - 1 - stage) % every:
                layers.append(nn.Identity())
                continue
            voxels = math.prod(sizes[stage])
            channel_token = voxels <= self.output_channels[stage]
            if channel_token:
                self.channel_token_sizes[stage] = sizes[stage]
            layers.append(MambaLayer(voxels if channel_token else self.output_channels[stage], channel_token))
        residual_stages = self.stages
        del self.stages
        self.mamba_layers = nn.ModuleList(layers)
        self.stages = residual_stages  # the authors' order of parameters, which optimizer states refer to

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (batch, input_channels, *size) to the maps of all stages, full resolution first.

        Raises:
            BadRequestError: The size is not the planned one, and a stage uses channel tokens.
        """
        if self.channel_token_sizes and tuple(image.shape[2:]) != self.patch_size:
            raise BadRequestError(
                f"This U-Mamba Enc was given a patch of {_by(image.shape[2:])} voxels and can only take "
                f"{_by(self.patch_size)}: in its deepest stages the channels are the tokens, so the weights are as "
                "wide as the planned patch has voxels there. Use the planned patch size; U-Mamba Bot "
                "takes others."
            )
        image = self.stem(image)
        maps = []
        for stage, mamba_layer in zip(self.stages, self.mamba_layers, strict=True):
            image = mamba_layer(stage(image))
            maps.append(image)
        return maps


def feature_map_sizes(patch_size: Sequence[int], strides: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the size of each stage's map for a patch.

    Raises:
        BadRequestError: The patch size is not a multiple of the strides.
    """
    sizes = []
    size = tuple(patch_size)
    for stride in strides:
        if any(length % step for length, step in zip(size, stride, strict=True)):
            total = [math.prod(steps) for steps in zip(*strides, strict=True)]
            raise BadRequestError(
                f"A patch of {_by(patch_size)} voxels cannot go through this network: every axis must be a multiple of "
                f"its total stride, {_by(total)}."
            )
        size = tuple(length // step for length, step in zip(size, stride, strict=True))
        sizes.append(size)
    return sizes


def _by(size: Sequence[int]) -> str:
    return " x ".join(str(int(length)) for length in size)
