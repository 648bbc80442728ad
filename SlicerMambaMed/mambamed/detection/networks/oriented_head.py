"""The head on each level of the pyramid: classes and boxes, with DCFL's prior-capturing block."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch import nn

from mambamed.detection.networks.deformable_convolution import DeformableConvolution
from mambamed.detection.networks.deformable_convolution import deformable_convolution

__all__ = ["HeadOutput", "OrientedHead", "PriorCapturingBlock"]

_DELTAS = 5
_KERNEL = 3
_TAPS = _KERNEL * _KERNEL
_FIRST_PROBABILITY = 0.01
_DEVIATION = 0.01


class HeadOutput(NamedTuple):
    """What the head says on one level.

    Attributes:
        cls_logits: (N, classes, H, W).
        deltas: (N, 5, H, W), see ``decode_boxes``.
        mean_offsets: (N, 2, H, W), cells along y and x: the mean of the block's learned offsets, without gradient; 0
            for a head without the block.
    """

    cls_logits: Tensor
    deltas: Tensor
    mean_offsets: Tensor


class PriorCapturingBlock(nn.Module):
    """Fixed dilated, then learned modulated deformable convolution (DCFL, Xu et al., CVPR 2023).

    Offsets and mask are learned on the regression branch, and the classification branch uses the same.
    """

    def __init__(self, channels: int, dilation: int, largest_offset: float = 0.0) -> None:
        """Make the convolutions; the learned offsets start at 0 and stay below ``largest_offset`` cells, if above 0."""
        super().__init__()
        self.largest_offset = largest_offset
        self.class_dilated = nn.Conv2d(channels, channels, _KERNEL, padding=dilation, dilation=dilation)
        self.box_dilated = nn.Conv2d(channels, channels, _KERNEL, padding=dilation, dilation=dilation)
        self.class_deformable = DeformableConvolution(channels, channels, _KERNEL)
        self.box_deformable = DeformableConvolution(channels, channels, _KERNEL)
        for convolution in (self.class_dilated, self.box_dilated):
            _initialise(convolution)
        self.offsets_and_mask = nn.Conv2d(channels, 3 * _TAPS, _KERNEL, padding=1)
        nn.init.zeros_(self.offsets_and_mask.weight)
        nn.init.zeros_(torch.as_tensor(self.offsets_and_mask.bias))

    def forward(self, class_features: Tensor, box_features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return both branches' features and the offsets (N, 2 x 9, H, W), y then x of each tap, in cells."""
        class_features = self.class_dilated(class_features).relu()
        box_features = self.box_dilated(box_features).relu()
        learned = self.offsets_and_mask(box_features)
        offsets, mask = learned[:, : 2 * _TAPS], learned[:, 2 * _TAPS :].sigmoid()
        if self.largest_offset > 0:
            # Small offsets stay as they are.
            offsets = self.largest_offset * torch.tanh(offsets / self.largest_offset)
        # Both branches look at the same places, which are found once for both.
        both = deformable_convolution(
            torch.cat((class_features, box_features), dim=1),
            torch.cat((self.class_deformable.weight, self.box_deformable.weight)),
            torch.cat((self.class_deformable.bias, self.box_deformable.bias)),
            offsets,
            mask,
        ).relu()
        class_features, box_features = both.chunk(2, dim=1)
        return class_features, box_features, offsets


class OrientedHead(nn.Module):
    """Two branches of convolutions without normalisation, shared over the levels."""

    def __init__(
        self,
        channels: int,
        class_count: int,
        *,
        prior_capturing: bool = True,
        dilation: int = 3,
        largest_offset: float = 0.0,
    ) -> None:
        """Make the branches.

        Args:
            channels: of the pyramid and of both branches.
            class_count: kinds of object.
            prior_capturing: two plain convolutions and the block; otherwise four plain ones.
            dilation: of the block's fixed convolution, in cells.
            largest_offset: of its learned convolution, in cells; 0 for no bound.
        """
        super().__init__()
        depth = 2 if prior_capturing else 4
        self.class_branch = _plain_branch(channels, depth)
        self.box_branch = _plain_branch(channels, depth)
        self.block = PriorCapturingBlock(channels, dilation, largest_offset) if prior_capturing else None
        self.classes = nn.Conv2d(channels, class_count, _KERNEL, padding=1)
        self.boxes = nn.Conv2d(channels, _DELTAS, _KERNEL, padding=1)
        _initialise(self.classes, -math.log((1 - _FIRST_PROBABILITY) / _FIRST_PROBABILITY))
        _initialise(self.boxes)

    def keep_variance(self) -> None:
        """Draw the branches' first weights so that features neither fade nor grow (He et al., ICCV 2015).

        With the published deviation of 0.01 they fade to a third from one convolution to the next at 256 channels, and
        by far more in a narrow head, which then needs hundreds of steps before it begins to learn.
        """
        for name, module in self.named_modules():
            is_branch = isinstance(module, (nn.Conv2d, DeformableConvolution)) and module not in (
                self.classes,
                self.boxes,
            )
            if is_branch and not name.endswith("offsets_and_mask"):
                nn.init.kaiming_normal_(torch.as_tensor(module.weight), nonlinearity="relu")

    def forward(self, features: Tensor) -> HeadOutput:
        """Return what one level, (N, channels, H, W), shows."""
        class_features, box_features = self.class_branch(features), self.box_branch(features)
        count, _, height, width = features.shape
        if self.block is None:
            mean_offsets = features.new_zeros(count, 2, height, width)
        else:
            class_features, box_features, offsets = self.block(class_features, box_features)
            mean_offsets = offsets.detach().reshape(count, _TAPS, 2, height, width).mean(dim=1)
        return HeadOutput(self.classes(class_features), self.boxes(box_features), mean_offsets)


def _plain_branch(channels: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        convolution = nn.Conv2d(channels, channels, _KERNEL, padding=1)
        _initialise(convolution)
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers)


def _initialise(convolution: nn.Conv2d, bias: float = 0.0) -> None:
    """Start from a normal distribution of deviation 0.01."""
    nn.init.normal_(convolution.weight, std=_DEVIATION)
    nn.init.constant_(torch.as_tensor(convolution.bias), bias)
