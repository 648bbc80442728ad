"""U-Mamba Bot and U-Mamba Enc in 2D and 3D, with the state dicts of the authors' networks.

Ma, Li and Wang, "U-Mamba: Enhancing Long-range Dependency for Biomedical Image Segmentation", 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch import nn

from mambamed.segmentation.networks.blocks import NEGATIVE_SLOPE
from mambamed.segmentation.networks.blocks import MambaLayer
from mambamed.segmentation.networks.decoder import ResidualDecoder
from mambamed.segmentation.networks.encoder import MambaEncoder
from mambamed.segmentation.networks.encoder import ResidualEncoder
from mambamed.segmentation.networks.encoder import feature_map_sizes
from mambamed.segmentation.networks.plan import NetworkPlan

__all__ = ["UMambaBot", "UMambaEnc", "blocks_of_decoder", "blocks_of_encoder"]


def blocks_of_encoder(planned: Sequence[int]) -> list[int]:
    """Return the residual blocks per encoder stage: as planned in the upper half, one in each deeper stage."""
    stages = len(planned)
    return [blocks if stage < math.ceil(stages / 2) else 1 for stage, blocks in enumerate(planned)]


def blocks_of_decoder(planned: Sequence[int]) -> list[int]:
    """Return the residual blocks per decoder stage, deepest first: as planned, but one in the highest resolutions."""
    stages = len(planned)
    return [blocks if stage < math.ceil(stages / 2 + 0.5) else 1 for stage, blocks in enumerate(planned)]


class _UMamba(nn.Module):
    """What both variants share: deep supervision in the decoder, initialisation, the check of the patch size."""

    encoder: ResidualEncoder
    decoder: ResidualDecoder

    @property
    def deep_supervision(self) -> bool:
        """Whether the forward pass returns the logits of all resolutions."""
        return self.decoder.deep_supervision

    @deep_supervision.setter
    def deep_supervision(self, enabled: bool) -> None:
        self.decoder.deep_supervision = enabled

    @staticmethod
    def initialize(module: nn.Module) -> None:
        """Initialise one module as nnU-Net does, for ``network.apply``: He normal weights, zero biases.

        Image convolutions only; linear layers, norms and Mamba blocks keep what they set themselves.
        """
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, a=NEGATIVE_SLOPE)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class UMambaBot(_UMamba):
    """U-Mamba with one Mamba layer, at the bottleneck. Takes any patch that is a multiple of the total stride.

    Args:
        plan: Shape of the network.
        input_channels: Channels of the image.
        output_channels: Classes.
        deep_supervision: Return the logits of every resolution, the highest first.
    """

    def __init__(
        self, plan: NetworkPlan, input_channels: int, output_channels: int, deep_supervision: bool = False
    ) -> None:
        super().__init__()
        self.encoder = ResidualEncoder(
            input_channels,
            plan.features_per_stage,
            plan.kernel_sizes,
            plan.strides,
            blocks_of_encoder(plan.n_conv_per_stage),
        )
        self.mamba_layer = MambaLayer(plan.features_per_stage[-1])
        self.decoder = ResidualDecoder(
            self.encoder, output_channels, blocks_of_decoder(plan.n_conv_per_stage_decoder), deep_supervision
        )
        self.apply(self.initialize)

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        """Map (batch, input_channels, *size) to logits (batch, output_channels, *size), or a list of them."""
        feature_map_sizes(image.shape[2:], self.encoder.strides)
        maps = self.encoder(image)
        maps[-1] = self.mamba_layer(maps[-1])
        result: Tensor | list[Tensor] = self.decoder(maps)
        return result


class UMambaEnc(_UMamba):
    """U-Mamba with Mamba layers throughout the encoder. Its weights fit the planned patch size alone.

    Args:
        plan: Shape of the network, with the patch size.
        input_channels: Channels of the image.
        output_channels: Classes.
        deep_supervision: Return the logits of every resolution, the highest first.

    Raises:
        BadRequestError: The patch size is not a multiple of the strides.
    """

    def __init__(
        self, plan: NetworkPlan, input_channels: int, output_channels: int, deep_supervision: bool = False
    ) -> None:
        super().__init__()
        self.encoder: MambaEncoder = MambaEncoder(
            input_channels,
            plan.features_per_stage,
            plan.kernel_sizes,
            plan.strides,
            blocks_of_encoder(plan.n_conv_per_stage),
            plan.patch_size,
        )
        self.decoder = ResidualDecoder(
            self.encoder, output_channels, blocks_of_decoder(plan.n_conv_per_stage_decoder), deep_supervision
        )
        self.apply(self.initialize)

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        """Map (batch, input_channels, *size) to logits (batch, output_channels, *size), or a list of them.

        Raises:
            BadRequestError: The size is not the planned one, and a stage uses channel tokens.
        """
        feature_map_sizes(image.shape[2:], self.encoder.strides)
        result: Tensor | list[Tensor] = self.decoder(self.encoder(image))
        return result
