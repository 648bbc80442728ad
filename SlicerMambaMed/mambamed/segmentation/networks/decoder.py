"""The decoder of U-Mamba: upsampling, skip connections, residual stages and a head per resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn

from mambamed.segmentation.networks.blocks import UpsampleLayer
from mambamed.segmentation.networks.blocks import convolution_class
from mambamed.segmentation.networks.blocks import residual_stage
from mambamed.segmentation.networks.encoder import ResidualEncoder

__all__ = ["ResidualDecoder"]


class ResidualDecoder(nn.Module):
    """Go from the deepest map back to full resolution, taking up the encoder's maps on the way.

    In 2D the last stage, at full resolution, has no skip connection; in 3D all have one (as in the authors' networks).

    Args:
        encoder: The encoder whose maps are decoded. It is kept as a submodule, since the authors' state dicts hold its
            tensors under ``decoder.encoder`` too.
        output_channels: Classes.
        blocks_per_stage: Residual blocks per stage, deepest first.
        deep_supervision: Return the logits of every stage, not only those at full resolution.
    """

    def __init__(
        self, encoder: ResidualEncoder, output_channels: int, blocks_per_stage: Sequence[int], deep_supervision: bool
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.encoder = encoder
        features = encoder.output_channels
        dimension = len(encoder.kernel_sizes[0])
        convolution = convolution_class(dimension)
        ones = (1,) * dimension
        stages, upsample_layers, heads = [], [], []
        for step, blocks in enumerate(blocks_per_stage):
            below = len(features) - 1 - step
            skip = below - 1
            upsample_layers.append(UpsampleLayer(features[below], features[skip], encoder.strides[below]))
            takes_skip = dimension == 3 or skip > 0
            channels = features[skip] * (2 if takes_skip else 1)
            stages.append(residual_stage(blocks, channels, features[skip], encoder.kernel_sizes[skip], ones))
            heads.append(convolution(features[skip], output_channels, 1))
        self.last_stage_takes_skip = dimension == 3
        self.stages = nn.ModuleList(stages)
        self.upsample_layers = nn.ModuleList(upsample_layers)
        self.seg_layers = nn.ModuleList(heads)

    def forward(self, maps: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Decode the encoder's maps (full resolution first).

        Returns:
            Logits (batch, output_channels, *size); with deep supervision the list of them, full resolution first.
        """
        image = maps[-1]
        last = len(self.stages) - 1
        logits = []
        for step, (stage, upsample_layer, head) in enumerate(
            zip(self.stages, self.upsample_layers, self.seg_layers, strict=True)
        ):
            image = upsample_layer(image)
            if step < last or self.last_stage_takes_skip:
                image = torch.cat((image, maps[-(step + 2)]), dim=1)
            image = stage(image)
            if self.deep_supervision or step == last:
                logits.append(head(image))
        return logits[::-1] if self.deep_supervision else logits[0]
