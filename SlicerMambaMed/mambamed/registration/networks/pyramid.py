"""The frame that VMambaMorph, MambaMorph and TransMorph share: encoder of tokens, convolutional decoder, one field."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

from mambamed.errors import BadRequestError
from mambamed.registration.layers.spatial_transformer import compose
from mambamed.registration.layers.spatial_transformer import integrate_velocity
from mambamed.registration.layers.spatial_transformer import resize_displacement
from mambamed.registration.layers.spatial_transformer import warp
from mambamed.registration.networks.convolutional import FEATURE_CHANNELS
from mambamed.registration.networks.convolutional import feature_extractor
from mambamed.registration.networks.convolutional import read_out_head
from mambamed.registration.networks.decoder import ConvolutionUnit
from mambamed.registration.networks.decoder import UpsamplingUnit
from mambamed.registration.networks.decoder import flow_convolution
from mambamed.registration.networks.matching import local_matches
from mambamed.registration.networks.matching import shift_count
from mambamed.registration.networks.output import RegistrationOutput
from mambamed.registration.networks.padding import crop_to
from mambamed.registration.networks.padding import pad_to_multiple
from mambamed.registration.similarity import mind_ssc

__all__ = ["STAGES", "PyramidRegistrationNetwork", "check_pair"]

SIZE_MULTIPLE = 16
STAGES = 3
LARGEST_RADIUS = 3
_DESCRIPTORS = 12
"""Channels of MIND-SSC. Its neighbours are one voxel away: the networks' voxels are as large as cortex is thick."""


class PyramidRegistrationNetwork(nn.Module):
    """Predicts in one pass (or a few) the field that moves a source onto a target.

    Args:
        encoder: maps the joined images to three maps at 1/4, 1/8 and 1/16 of the size; its width is ``embed_dim``.
        embed_dim: channels of the finest map; the next have twice as many each.
        features: whether a shared feature extractor looks at each image first.
        read_out: whether the features also have a read-out head (used only when features are asked for).
        integration_steps: squarings that turn the predicted velocity into a displacement; 0 takes it as displacement.
        passes: how often the network registers what it has moved already; the displacements are composed.
        head_channels: channels before the last convolution.
        feature_channels: channels of the feature extractor; 16 as published.
        downsize: 2 predicts and integrates the velocity at half of the size and enlarges the displacement; 1 as
            published.
        self_similarity: whether the feature extractor sees MIND-SSC descriptors, which hardly depend on the contrast,
            in place of intensities.
        matching_radius: the encoder and the decoder also see how well the features agree at every shift up to so many
            voxels at half of the size (``local_matches``); 0 as published.
    """

    def __init__(
        self,
        encoder: nn.Module,
        embed_dim: int,
        *,
        features: bool = False,
        read_out: bool = True,
        integration_steps: int = 7,
        passes: int = 1,
        head_channels: int = 16,
        feature_channels: int = FEATURE_CHANNELS,
        downsize: int = 1,
        self_similarity: bool = False,
        matching_radius: int = 0,
    ) -> None:
        super().__init__()
        if downsize not in (1, 2):
            raise BadRequestError(f"A field at 1/{downsize} of the size was asked for; choose downsize 1 or 2.")
        if (self_similarity or matching_radius) and not (features and 0 <= matching_radius <= LARGEST_RADIUS):
            raise BadRequestError(
                f"Self-similarity ({self_similarity}) and a matching radius of {matching_radius} were asked for; they "
                f"need a network with features (_feat) and a radius from 0 to {LARGEST_RADIUS}."
            )
        stages = len(list(encoder.get_submodule("layers").children()))
        if stages != STAGES:
            raise BadRequestError(f"An encoder with {stages} stages was asked for; the decoder needs {STAGES}.")
        channels_in = encoder.get_submodule("patch_embed.proj").get_parameter("weight").shape[1]
        self.transformer = encoder
        self.up1 = UpsamplingUnit(4 * embed_dim, 2 * embed_dim, 2 * embed_dim)
        self.up2 = UpsamplingUnit(2 * embed_dim, embed_dim, embed_dim)
        self.up3 = UpsamplingUnit(embed_dim, embed_dim // 2, embed_dim // 2)
        shifts = shift_count(matching_radius) if matching_radius else 0
        self.c1 = ConvolutionUnit(channels_in + shifts, embed_dim // 2)
        self.match_embed = nn.Conv3d(shifts, embed_dim, 2, stride=2) if shifts else None
        if downsize == 1:
            self.up4 = UpsamplingUnit(embed_dim // 2, head_channels, head_channels)
            self.c2 = ConvolutionUnit(channels_in, head_channels)
        self.reg_head = nn.Sequential(flow_convolution(head_channels if downsize == 1 else embed_dim // 2))
        widths = (feature_channels,) * 2, (feature_channels,) * 4
        seen = _DESCRIPTORS if self_similarity else 1
        self.feature_extractor = feature_extractor(*widths, channels_in=seen) if features else None
        self.read_out_head = read_out_head(feature_channels) if features and read_out else None
        self.downsize = downsize
        self.self_similarity = self_similarity
        self.matching_radius = matching_radius
        self.integration_steps = integration_steps
        self.passes = passes

    def forward(self, source: Tensor, target: Tensor, return_features: bool = False) -> RegistrationOutput:
        """Register pairs of volumes.

        Args:
            source: (B, 1, X, Y, Z), intensities from 0 to 1; any size (filled up to multiples of 16 inside).
            target: same shape.
            return_features: whether the read-out features are computed, for a contrastive loss.

        Returns:
            The moved source and the fields; with several passes, ``preint_flow`` and ``feature`` are the last one's.
            ``preint_flow`` has half the size where the velocity is predicted there (``downsize``).
        """
        check_pair(source, target)
        velocity, feature, matches = self._predict(source, target, return_features)
        displacement = self._integrate(velocity, source.shape[2:])
        moved = warp(source, displacement)
        for _ in range(self.passes - 1):
            velocity, feature, matches = self._predict(moved, target, return_features)
            displacement = compose(displacement, self._integrate(velocity, source.shape[2:]))
            # The original source is sampled again, so that interpolation blurs it only once.
            moved = warp(source, displacement)
        return RegistrationOutput(moved, velocity, displacement, feature, matches=matches)

    def _integrate(self, velocity: Tensor, size: Sequence[int]) -> Tensor:
        displacement = integrate_velocity(velocity, self.integration_steps) if self.integration_steps else velocity
        if self.downsize > 1:
            displacement = resize_displacement(displacement, float(self.downsize))
        return crop_to(displacement, size)

    def _predict(
        self, source: Tensor, target: Tensor, return_features: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Velocity, read-out features, matches."""
        size = source.shape[2:]
        images = [source, target]
        if self.self_similarity:
            images = [mind_ssc(image, radius=1, dilation=1) for image in images]
        images = [pad_to_multiple(image, SIZE_MULTIPLE) for image in images]
        feature = None
        if self.feature_extractor is not None:
            images = [self.feature_extractor(image) for image in images]
            if return_features and self.read_out_head is not None:
                feature = torch.cat([self.read_out_head(image) for image in images], dim=1)
        pair = torch.cat(images, dim=1)
        half = functional.avg_pool3d(pair, 3, stride=2, padding=1)
        matches, more = None, None
        if self.match_embed is not None:
            source_half, target_half = half.chunk(2, dim=1)
            matches = local_matches(source_half, target_half, self.matching_radius)
            half = torch.cat((half, matches), dim=1)
            more = self.match_embed(matches)
            matches = crop_to(matches, [-(-length // 2) for length in size])
        fine, middle, coarse = self.transformer(pair, more)
        x = self.up1(coarse, middle)
        x = self.up2(x, fine)
        x = self.up3(x, self.c1(half))
        if self.downsize == 1:
            # Before the integration, as published: what flows in from the padding is cut off.
            velocity = crop_to(self.reg_head(self.up4(x, self.c2(pair))), size)
        else:
            velocity = self.reg_head(x)
        # In half precision (autocast) positions of voxels would be rounded to a quarter of a voxel.
        return velocity.to(source.dtype), feature, matches


def check_pair(source: Tensor, target: Tensor) -> None:
    """Raise ``BadRequestError`` unless both are volumes (B, 1, X, Y, Z) of one shape."""
    if source.ndim != 5 or source.shape[1] != 1 or source.shape != target.shape:
        raise BadRequestError(
            f"Volumes of shapes {tuple(source.shape)} and {tuple(target.shape)} were given to a network; it "
            "needs two of the same shape (batch, 1, X, Y, Z). Bring both to one grid first."
        )
