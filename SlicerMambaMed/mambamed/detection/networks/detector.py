"""Backbone, pyramid and head together: a one-stage detector of oriented boxes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch import nn

from mambamed.detection.networks.box_coder import decode_boxes
from mambamed.detection.networks.feature_pyramid import PYRAMID_STRIDES
from mambamed.detection.networks.feature_pyramid import FeaturePyramid
from mambamed.detection.networks.lsknet import LSKNetBackbone
from mambamed.detection.networks.normalisation import use_group_norm
from mambamed.detection.networks.oriented_head import OrientedHead
from mambamed.detection.networks.priors import grid_priors
from mambamed.detection.networks.priors import prior_shift_factors
from mambamed.detection.networks.resnet import ResNetBackbone
from mambamed.detection.networks.settings import DetectorSettings
from mambamed.errors import BadRequestError

__all__ = ["Detector", "DetectorOutput", "build_detector"]


@dataclass(frozen=True)
class DetectorOutput:
    """What a detector says of N images, at P priors: all levels in order, each row by row.

    Boxes are cx, cy, w, h in pixels and an angle in radians.

    Attributes:
        cls_logits: (N, classes, P).
        deltas: (N, 5, P).
        priors: (P, 5), from which boxes are decoded.
        dynamic_priors: (N, P, 5), without gradient: the priors moved by the learned offsets, for the assignment alone.
        levels: (P,) int64, the level of each prior, 0 for stride 8.
    """

    cls_logits: Tensor
    deltas: Tensor
    priors: Tensor
    dynamic_priors: Tensor
    levels: Tensor

    def boxes(self) -> Tensor:
        """Return the predicted boxes (N, P, 5), decoded from the unmoved priors, angles in [-pi/4, 3pi/4)."""
        deltas = self.deltas.float().transpose(1, 2)
        return decode_boxes(self.priors.expand_as(deltas), deltas)

    def boxes_of_dynamic_priors(self) -> Tensor:
        """Return (N, P, 5): the boxes that the predicted differences mean at the moved priors."""
        return decode_boxes(self.dynamic_priors, self.deltas.float().transpose(1, 2))


class Detector(nn.Module):
    """Finds oriented objects in images.

    Attributes:
        settings: what it is made of.
    """

    def __init__(self, settings: DetectorSettings, backbone: ResNetBackbone | LSKNetBackbone) -> None:
        """Put pyramid and head on a backbone."""
        super().__init__()
        self.settings = settings
        self.backbone = backbone
        self.pyramid = FeaturePyramid(backbone.channels, settings.feature_channels)
        self.head = OrientedHead(
            settings.feature_channels,
            settings.class_count,
            prior_capturing=settings.prior_capturing,
            dilation=settings.dilation,
            largest_offset=settings.largest_offset,
        )

    def forward(self, images: Tensor) -> DetectorOutput:
        """Look at images (N, channels, rows, columns) of any size, normalised as in training.

        Raises:
            BadRequestError: the images have another form.
        """
        if images.ndim != 4 or images.shape[1] != self.settings.image_channels or min(images.shape) == 0:
            raise BadRequestError(
                f"The images are a tensor {tuple(images.shape)}; "
                f"give (N, {self.settings.image_channels}, rows, columns), none of them 0."
            )
        outputs = [self.head(level) for level in self.pyramid(self.backbone(images))]
        shapes = [(level.deltas.shape[-2], level.deltas.shape[-1]) for level in outputs]
        share = self.settings.finest_stride / PYRAMID_STRIDES[0]
        priors, levels = grid_priors(shapes, [share * stride for stride in PYRAMID_STRIDES], images.device)
        shifts = torch.cat([level.mean_offsets.flatten(2) for level in outputs], dim=2).float().transpose(1, 2)
        shifts = shifts * share * prior_shift_factors(levels, max(images.shape[-2:]))[:, None]
        moved = priors[:, :2] + shifts.flip(-1)  # from y, x to x, y
        return DetectorOutput(
            cls_logits=torch.cat([level.cls_logits.flatten(2) for level in outputs], dim=2),
            deltas=torch.cat([level.deltas.flatten(2) for level in outputs], dim=2),
            priors=priors,
            dynamic_priors=torch.cat((moved, priors[:, 2:].expand(len(moved), -1, -1)), dim=-1),
            levels=levels,
        )


def build_detector(settings: DetectorSettings) -> Detector:
    """Make a detector, with random weights but for those that the settings name.

    Raises:
        BadRequestError: the file of weights is missing or of another network.
        UnsafeFileError: the file of weights would execute code.
    """
    backbone: ResNetBackbone | LSKNetBackbone
    if settings.backbone == "lsknet":
        backbone = LSKNetBackbone(settings.width, settings.image_channels, settings.finest_stride // 2)
    else:
        depth = int(settings.backbone.removeprefix("resnet"))
        backbone = ResNetBackbone(depth, settings.width, settings.image_channels, settings.finest_stride // 4)
        if settings.imagenet_weights:
            backbone.load_imagenet_weights(settings.imagenet_weights)
    if settings.norm == "group":
        use_group_norm(backbone)
    return Detector(settings, backbone)
