"""Rotated boxes and their four corners."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from mambamed.detection.geometry.angle_conventions import to_convention
from mambamed.detection.geometry.checks import check_boxes
from mambamed.errors import BadRequestError

__all__ = ["boxes_to_corners", "corners_to_boxes"]

_PAIRS = tuple(itertools.combinations(range(4), 2))


def boxes_to_corners(boxes: Tensor) -> Tensor:
    """Return the corners (..., 4, 2) of boxes (..., 5), as x, y in pixels.

    They go around the box from x towards y, from (-w/2, -h/2) in the box's own axes.
    """
    check_boxes(boxes, "boxes")
    cosine, sine = torch.cos(boxes[..., 4]), torch.sin(boxes[..., 4])
    along = 0.5 * boxes[..., 2, None] * torch.stack((cosine, sine), dim=-1)
    across = 0.5 * boxes[..., 3, None] * torch.stack((-sine, cosine), dim=-1)
    offsets = torch.stack((-along - across, along - across, along + across, across - along), dim=-2)
    return boxes[..., None, :2] + offsets


def corners_to_boxes(corners: Tensor, convention: str = "le135") -> Tensor:
    """Return the smallest rectangle around four points, in any order.

    The smallest rectangle has a side along an edge of the points' convex hull; the lines through all pairs of points
    contain those edges, so trying the six pairs suffices, also when the quadrilateral is not a rectangle or folded.

    Args:
        corners: (..., 4, 2), x and y in pixels.
        convention: see ``to_convention``.

    Returns:
        (..., 5).
    """
    if corners.ndim < 2 or corners.shape[-2:] != (4, 2) or not corners.is_floating_point():
        raise BadRequestError(
            f"The corners are a tensor {tuple(corners.shape)} of {corners.dtype}; give floating-point (..., 4, 2)."
        )
    middle = corners.mean(dim=-2, keepdim=True)
    points = corners - middle
    first, second = (list(indices) for indices in zip(*_PAIRS, strict=True))
    edges = points[..., second, :] - points[..., first, :]
    angles = torch.atan2(edges[..., 1], edges[..., 0])  # 0 for two equal points: a valid direction like any other
    cosine, sine = torch.cos(angles)[..., None], torch.sin(angles)[..., None]
    x, y = points[..., None, :, 0], points[..., None, :, 1]
    along, across = x * cosine + y * sine, y * cosine - x * sine
    low = torch.stack((along.amin(dim=-1), across.amin(dim=-1)), dim=-1)
    high = torch.stack((along.amax(dim=-1), across.amax(dim=-1)), dim=-1)
    sides = high - low
    # Of rectangles of equal area (those of points on a line have none) the one with the smaller perimeter is meant.
    area = sides.prod(dim=-1)
    scale = sides.amax(dim=(-1, -2))[..., None]
    cost = area + 1e-6 * scale * sides.sum(dim=-1)
    best = cost.argmin(dim=-1)[..., None]

    def chosen(values: Tensor) -> Tensor:
        return values.gather(-1, best)[..., 0]

    cosine, sine = chosen(cosine[..., 0]), chosen(sine[..., 0])
    centre = 0.5 * (low + high)
    along_centre, across_centre = chosen(centre[..., 0]), chosen(centre[..., 1])
    boxes = torch.stack(
        (
            middle[..., 0, 0] + along_centre * cosine - across_centre * sine,
            middle[..., 0, 1] + along_centre * sine + across_centre * cosine,
            chosen(sides[..., 0]),
            chosen(sides[..., 1]),
            chosen(angles),
        ),
        dim=-1,
    )
    return to_convention(boxes, convention)
