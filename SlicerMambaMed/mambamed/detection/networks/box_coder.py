"""Boxes as differences from priors, the numbers that the head predicts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mambamed.detection.geometry.angle_conventions import to_convention
from mambamed.detection.geometry.angle_conventions import wrap_angle
from mambamed.detection.geometry.checks import check_boxes

__all__ = ["decode_boxes", "encode_boxes"]

_LARGEST_LOG_RATIO = math.log(1000 / 16)
_SMALLEST_SIDE_PX = 1e-6


def decode_boxes(priors: Tensor, deltas: Tensor) -> Tensor:
    """Return the boxes that differences from priors mean.

    Args:
        priors: (..., 5): cx, cy, w, h in pixels, angle in radians.
        deltas: (..., 5): the centre's shift along the prior's own axes in units of its sides, the logarithms of the
            sides' ratios, kept within +-ln(1000 / 16), and the turn in half turns.

    Returns:
        (..., 5), the angle in [-pi/4, 3pi/4); ``w`` stays the side along it, also where it is the shorter one.
    """
    check_boxes(priors, "priors")
    check_boxes(deltas, "deltas")
    cosine, sine = torch.cos(priors[..., 4]), torch.sin(priors[..., 4])
    along, across = deltas[..., 0] * priors[..., 2], deltas[..., 1] * priors[..., 3]
    ratios = deltas[..., 2:4].clamp(-_LARGEST_LOG_RATIO, _LARGEST_LOG_RATIO).exp()
    return torch.stack(
        (
            priors[..., 0] + along * cosine - across * sine,
            priors[..., 1] + along * sine + across * cosine,
            priors[..., 2] * ratios[..., 0],
            priors[..., 3] * ratios[..., 1],
            wrap_angle(priors[..., 4] + math.pi * deltas[..., 4]),
        ),
        dim=-1,
    )


def encode_boxes(priors: Tensor, boxes: Tensor) -> Tensor:
    """Return the differences of boxes from priors, from which ``decode_boxes`` makes the same rectangles.

    Args:
        priors: (..., 5), with sides above 0.
        boxes: (..., 5), in any convention.

    Returns:
        (..., 5), see ``decode_boxes``; the turn is within a quarter turn, [-1/2, 1/2).
    """
    check_boxes(priors, "priors")
    boxes = to_convention(boxes, "le135")
    cosine, sine = torch.cos(priors[..., 4]), torch.sin(priors[..., 4])
    x, y = boxes[..., 0] - priors[..., 0], boxes[..., 1] - priors[..., 1]
    return torch.stack(
        (
            (x * cosine + y * sine) / priors[..., 2],
            (y * cosine - x * sine) / priors[..., 3],
            torch.log(boxes[..., 2].clamp_min(_SMALLEST_SIDE_PX) / priors[..., 2]),
            torch.log(boxes[..., 3].clamp_min(_SMALLEST_SIDE_PX) / priors[..., 3]),
            wrap_angle(boxes[..., 4] - priors[..., 4], "le90") / math.pi,
        ),
        dim=-1,
    )
