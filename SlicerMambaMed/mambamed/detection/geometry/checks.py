"""The form in which rotated boxes are given."""

from __future__ import annotations

from torch import Tensor

from mambamed.errors import BadRequestError

__all__ = ["check_boxes"]


def check_boxes(boxes: Tensor, name: str) -> None:
    """Refuse a tensor that is not (..., 5) of floating-point numbers."""
    if boxes.ndim == 0 or boxes.shape[-1] != 5 or not boxes.is_floating_point():
        raise BadRequestError(
            f"The {name} are a tensor {tuple(boxes.shape)} of {boxes.dtype}; give floating-point boxes (..., 5): "
            "cx, cy, w, h in pixels, angle in radians."
        )
