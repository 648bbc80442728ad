"""Ways to write the angle of one and the same rectangle."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mambamed.detection.geometry.checks import check_boxes
from mambamed.errors import BadRequestError

__all__ = ["to_convention", "wrap_angle"]

# Start of the half turn that the angle lies in.
_LOWEST_ANGLE = {"le135": -math.pi / 4, "le90": -math.pi / 2}


def wrap_angle(angle: Tensor, convention: str = "le135") -> Tensor:
    """Bring angles into a half turn without changing the rectangle (w and h stay as they are).

    Args:
        angle: radians, any shape.
        convention: "le135", [-pi/4, 3pi/4), or "le90", [-pi/2, pi/2).
    """
    if convention not in _LOWEST_ANGLE:
        raise BadRequestError(f"The half turn {convention!r} is unknown; give one of {', '.join(_LOWEST_ANGLE)}.")
    return _remainder(angle, _LOWEST_ANGLE[convention], math.pi)


def to_convention(boxes: Tensor, convention: str) -> Tensor:
    """Rewrite boxes, in whatever convention they are, in another; the rectangles stay the same.

    Args:
        boxes: (..., 5).
        convention: "le135" (w is the longer side, angle in [-pi/4, 3pi/4)), "le90" (w is the longer side, angle in
            [-pi/2, pi/2)) or "oc" (OpenCV from 4.5.1: angle in (0, pi/2], w along it and of any length).

    Returns:
        (..., 5).
    """
    check_boxes(boxes, "boxes")
    centre, w, h, angle = boxes[..., :2], boxes[..., 2], boxes[..., 3], boxes[..., 4]
    if convention == "oc":
        half_turn = -_remainder(-angle, -math.pi, math.pi)  # in (0, pi]
        swap = half_turn > math.pi / 2
        angle = torch.where(swap, half_turn - math.pi / 2, half_turn)
    elif convention in _LOWEST_ANGLE:
        swap = h > w
        angle = wrap_angle(torch.where(swap, angle + math.pi / 2, angle), convention)
    else:
        raise BadRequestError(f"The angle convention {convention!r} is unknown; give one of le135, le90, oc.")
    sides = torch.stack((torch.where(swap, h, w), torch.where(swap, w, h)), dim=-1)
    return torch.cat((centre, sides, angle[..., None]), dim=-1)


def _remainder(angle: Tensor, lowest: float, period: float) -> Tensor:
    """Return the angle plus the whole periods that bring it into [lowest, lowest + period)."""
    wrapped = angle - period * torch.floor((angle - lowest) / period)
    # Rounding can leave the result a hair outside; it is then the same direction as the lowest angle.
    inside = (wrapped >= lowest) & (wrapped < lowest + period)
    return torch.where(inside, wrapped, wrapped + (lowest - wrapped).detach())
