"""VoxelMorph (Balakrishnan et al. 2019) as the baseline of VMambaMorph has it: all levels with 16 channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn

from mambamed.registration.layers.spatial_transformer import integrate_velocity
from mambamed.registration.layers.spatial_transformer import resize_displacement
from mambamed.registration.layers.spatial_transformer import warp
from mambamed.registration.networks.convolutional import FEATURE_CHANNELS
from mambamed.registration.networks.convolutional import SmallUNet
from mambamed.registration.networks.convolutional import feature_extractor
from mambamed.registration.networks.convolutional import read_out_head
from mambamed.registration.networks.decoder import flow_convolution
from mambamed.registration.networks.output import RegistrationOutput
from mambamed.registration.networks.padding import crop_to
from mambamed.registration.networks.padding import pad_to_multiple
from mambamed.registration.networks.pyramid import check_pair

__all__ = ["VoxelMorph"]


class VoxelMorph(nn.Module):
    """U-Net, velocity at 1/2 of the size, scaling and squaring there, displacement at full size.

    Args:
        encoder_channels: channels of the U-Net's levels, finest first.
        decoder_channels: channels of its decoder, deepest first, then of the convolutions at full resolution.
        features: whether a shared feature extractor looks at each image first.
        feature_channels: encoder and decoder channels of the feature extractor.
        integration_steps: squarings; 0 takes the field as displacement.
        downsize: how much smaller the integrated field is; 1 integrates at full size.
    """

    def __init__(
        self,
        encoder_channels: Sequence[int] = (16, 16, 16, 16),
        decoder_channels: Sequence[int] = (16, 16, 16, 16, 16, 16),
        *,
        features: bool = False,
        feature_channels: tuple[Sequence[int], Sequence[int]] = ((16, 16), (16, 16, 16, 16)),
        integration_steps: int = 7,
        downsize: int = 2,
    ) -> None:
        super().__init__()
        self.feature_extractor = feature_extractor(*feature_channels) if features else None
        channels_in = 2 if self.feature_extractor is None else 2 * self.feature_extractor.channels_out
        self.unet_model = SmallUNet(channels_in, encoder_channels, decoder_channels)
        self.flow = flow_convolution(self.unet_model.channels_out)
        self.read_out_head = read_out_head(FEATURE_CHANNELS) if features else None
        self.integration_steps = integration_steps
        self.downsize = downsize

    def forward(self, source: Tensor, target: Tensor, return_features: bool = False) -> RegistrationOutput:
        """Register pairs of volumes (B, 1, X, Y, Z) of any size, intensities from 0 to 1.

        Args:
            source: the volume that is moved.
            target: the volume it is moved onto.
            return_features: whether the read-out features, and those of the source warped, are computed.
        """
        check_pair(source, target)
        size = source.shape[2:]
        images = [pad_to_multiple(image, self.unet_model.multiple) for image in (source, target)]
        if self.feature_extractor is not None:
            images = [self.feature_extractor(image) for image in images]
        field = self.flow(self.unet_model(torch.cat(images, dim=1))).to(source.dtype)
        velocity = resize_displacement(field, 1.0 / self.downsize) if self.downsize > 1 else field
        small = integrate_velocity(velocity, self.integration_steps) if self.integration_steps else velocity
        displacement = resize_displacement(small, float(self.downsize)) if self.downsize > 1 else small
        displacement = crop_to(displacement, size)
        feature = warped_feature = None
        if return_features and self.read_out_head is not None:
            feature = torch.cat([self.read_out_head(image) for image in images], dim=1)
            warped_feature = self.read_out_head(warp(crop_to(images[0], size), displacement))
        return RegistrationOutput(
            moved=warp(source, displacement),
            preint_flow=crop_to(velocity, [-(-length // self.downsize) for length in size]),
            pos_flow=displacement,
            feature=feature,
            warped_feature=warped_feature,
        )
