"""Rotated boxes as two-dimensional Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from mambamed.detection.geometry.checks import check_boxes

__all__ = ["box_gaussians"]


def box_gaussians(boxes: Tensor, minimum_side: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Return mean (..., 2) in pixels and covariance (..., 2, 2) in square pixels of boxes (..., 5).

    The covariance is R diag(w^2/4, h^2/4) R^T: one standard deviation is half a side (Yang et al., ICML 2021).

    Args:
        boxes: (cx, cy, w, h, angle), pixels and radians.
        minimum_side: shorter sides, in pixels, count as this long; a Gaussian without extent has no density.
    """
    check_boxes(boxes, "boxes")
    cosine, sine = torch.cos(boxes[..., 4]), torch.sin(boxes[..., 4])
    along, across = (0.5 * boxes[..., 2:4].clamp_min(minimum_side)).square().unbind(dim=-1)
    xx = along * cosine.square() + across * sine.square()
    yy = along * sine.square() + across * cosine.square()
    xy = (along - across) * cosine * sine
    covariance = torch.stack((torch.stack((xx, xy), dim=-1), torch.stack((xy, yy), dim=-1)), dim=-2)
    return boxes[..., :2], covariance
