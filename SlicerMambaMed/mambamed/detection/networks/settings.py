"""What a detector is made of, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mambamed.errors import BadRequestError

__all__ = ["BACKBONES", "FINEST_STRIDES", "NORMS", "DetectorSettings"]

BACKBONES = ("resnet18", "resnet50", "resnet101", "resnet152", "lsknet")
"""The backbones of the study's comparison, and a shallow one for computers without a graphics card."""

FINEST_STRIDES = (8, 4)

NORMS = ("batch", "group")


@dataclass(frozen=True)
class DetectorSettings:
    """The parts of a one-stage detector of oriented boxes.

    Attributes:
        class_count: kinds of object.
        backbone: one of ``BACKBONES``.
        width: factor on the backbone's channels; 1 is the published network, less is one that trains on a CPU.
        feature_channels: channels of the pyramid and of the head.
        image_channels: channels of the image.
        prior_capturing: whether the head ends with the prior-capturing block of DCFL, which lets the priors move.
            Otherwise its branches are four plain convolutions each, as in RetinaNet, and the priors stay.
        dilation: of the block's fixed convolution, in cells.
        finest_stride: pixels between the cells of the finest level, 8 (published) or 4; each further level has twice as
            many. With 4 the first convolution leaves out no pixels and every prior is half as large, for objects below
            some 16 pixels.
        imagenet_weights: file of the backbone's weights (ResNet, in the usual names ``conv1.weight``,
            ``layer1.0.conv1.weight``, ...); empty to start from random ones. With a file the stem and the first stage
            stay as they are and batch normalisation keeps its statistics.
        norm: of the backbone's features: ``batch`` (published), whose statistics in prediction are means over many
            batches and only fit what few tiles per batch have taught when these are alike; ``group``, of each tile
            alone, the same in training and prediction (Wu and He, ECCV 2018), for small batches.
        largest_offset: cells that the block's learned offsets stay below; 0 (published) lets them grow. Where they
            leave the picture they have no gradient any more and never come back, and the priors that they move are
            lost to all objects.

    Raises:
        BadRequestError: a value is out of its range.
    """

    class_count: int
    backbone: str = "resnet50"
    width: float = 1.0
    feature_channels: int = 256
    image_channels: int = 3
    prior_capturing: bool = True
    dilation: int = 3
    finest_stride: int = 8
    imagenet_weights: str = ""
    norm: str = "batch"
    largest_offset: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.backbone not in BACKBONES:
            raise BadRequestError(f"The backbone {self.backbone!r} is unknown; give one of {', '.join(BACKBONES)}.")
        for name in ("class_count", "feature_channels", "image_channels", "dilation"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise BadRequestError(f"The detector's {name} is {value!r}; give a whole number from 1.")
        if not 0 < self.width <= 4:
            raise BadRequestError(f"The detector's width is {self.width!r}; give a factor above 0 and at most 4.")
        if self.finest_stride not in FINEST_STRIDES:
            raise BadRequestError(
                f"The detector's finest stride is {self.finest_stride!r}; expected one of: "
                f"{', '.join(map(str, FINEST_STRIDES))}."
            )
        if self.norm not in NORMS:
            raise BadRequestError(f"The detector's norm is {self.norm!r}; expected one of: {', '.join(NORMS)}.")
        number = isinstance(self.largest_offset, (int, float)) and not isinstance(self.largest_offset, bool)
        if not number or not 0 <= self.largest_offset < math.inf:
            raise BadRequestError(
                f"The detector's largest offset is {self.largest_offset!r}; give cells, 0 for no bound."
            )
        if self.imagenet_weights and self.norm != "batch":
            raise BadRequestError(
                f"Weights were given for a backbone with {self.norm} norm; published ones are of batch norm."
            )
        if self.imagenet_weights and self.backbone == "lsknet":
            raise BadRequestError("Weights were given for lsknet; only the ResNet backbones take a file of weights.")
