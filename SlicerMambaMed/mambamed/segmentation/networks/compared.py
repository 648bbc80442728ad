"""The networks that U-Mamba is compared with, MONAI's, described by the words of an nnU-Net plan.

A plan names these classes, so that nnU-Net's own ``get_network_from_plans`` builds them too. Their state dicts are
MONAI's. None of them has deep supervision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.networks.nets.segresnet import SegResNet as MonaiSegResNet
from monai.networks.nets.swin_unetr import SwinUNETR as MonaiSwinUNETR
from monai.networks.nets.unetr import UNETR as MonaiUNETR  # noqa: N811 (a name, no constant)

from mambamed.errors import BadRequestError

__all__ = ["UNETR", "SegResNet", "SwinUNETR"]

_HEAD_WIDTH = 64
"""Width of one attention head of a ViT."""


class _Compared:
    """What the three share."""

    needs_autocast = True
    """Convolutions alternate with layers that must stay in float32, so number formats are changed layer by layer."""


class SegResNet(_Compared, MonaiSegResNet):
    """Residual encoder and decoder with group norms (Myronenko, "3D MRI brain tumor segmentation", 2018), no VAE.

    Args:
        input_channels: Channels of the image.
        num_classes: Logits per voxel.
        dimension: 2 or 3.
        features_per_stage: Filters; each stage has twice those of the one before.
        n_conv_per_stage: Residual blocks per encoder stage.
        n_conv_per_stage_decoder: Residual blocks per decoder stage, deepest first.
        dropout: Probability after the first convolution, in training.
        deep_supervision: Must be False.
        **shape: What else the plan says (strides, kernels); it follows from the network.

    Raises:
        BadRequestError: The plan asks for a network of another shape.
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        dimension: int,
        features_per_stage: Sequence[int],
        n_conv_per_stage: Sequence[int],
        n_conv_per_stage_decoder: Sequence[int],
        dropout: float = 0.2,
        deep_supervision: bool = False,
        **shape: Any,
    ) -> None:
        _require(not deep_supervision, "SegResNet has no deep supervision")
        doubled = [features_per_stage[0] * 2**stage for stage in range(len(features_per_stage))]
        _require(list(features_per_stage) == doubled, f"SegResNet doubles its features: {doubled}")
        super().__init__(
            spatial_dims=dimension,
            init_filters=features_per_stage[0],
            in_channels=input_channels,
            out_channels=num_classes,
            dropout_prob=dropout,
            blocks_down=tuple(n_conv_per_stage),
            blocks_up=tuple(n_conv_per_stage_decoder),
        )


class UNETR(_Compared, MonaiUNETR):
    """A vision transformer as the encoder of a U-Net (Hatamizadeh et al., "UNETR", 2021); fits one patch size only.

    Args:
        input_channels: Channels of the image.
        num_classes: Logits per voxel.
        dimension: 2 or 3.
        features_per_stage: Decoder features, each twice those before, and last the width of the transformer.
        patch_size: Window in voxels; every side is a multiple of 16.
        deep_supervision: Must be False.
        **shape: What else the plan says; it follows from the network.

    Raises:
        BadRequestError: The plan asks for a network of another shape.
    """

    fixed_patch = True
    """Its positions are learned for the planned patch."""

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        dimension: int,
        features_per_stage: Sequence[int],
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        **shape: Any,
    ) -> None:
        _require(not deep_supervision, "UNETR has no deep supervision")
        hidden = int(features_per_stage[-1])
        _require(hidden % _HEAD_WIDTH == 0, f"UNETR's transformer is a multiple of {_HEAD_WIDTH} wide")
        _require(all(side % 16 == 0 for side in patch_size), "UNETR's patch sides are multiples of 16")
        super().__init__(
            in_channels=input_channels,
            out_channels=num_classes,
            img_size=tuple(patch_size),
            feature_size=int(features_per_stage[0]),
            hidden_size=hidden,
            mlp_dim=4 * hidden,
            num_heads=hidden // _HEAD_WIDTH,
            spatial_dims=dimension,
        )


class SwinUNETR(_Compared, MonaiSwinUNETR):
    """A Swin transformer as the encoder of a U-Net (Hatamizadeh et al., "Swin UNETR", 2022).

    Args:
        input_channels: Channels of the image.
        num_classes: Logits per voxel.
        dimension: 2 or 3.
        features_per_stage: The first is the width of the embedding, a multiple of 12.
        n_conv_per_stage: The last four are the transformer blocks of each stage.
        deep_supervision: Must be False.
        **shape: What else the plan says; it follows from the network.

    Raises:
        BadRequestError: The plan asks for a network of another shape.
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        dimension: int,
        features_per_stage: Sequence[int],
        n_conv_per_stage: Sequence[int],
        deep_supervision: bool = False,
        **shape: Any,
    ) -> None:
        _require(not deep_supervision, "SwinUNETR has no deep supervision")
        _require(features_per_stage[0] % 12 == 0, "SwinUNETR's features are multiples of 12")
        super().__init__(
            in_channels=input_channels,
            out_channels=num_classes,
            depths=tuple(n_conv_per_stage[-4:]),
            feature_size=int(features_per_stage[0]),
            spatial_dims=dimension,
        )


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise BadRequestError(f"The plan does not describe this network: {rule}. Plan the data set again.")
