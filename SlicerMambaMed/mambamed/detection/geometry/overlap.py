"""Intersection over union of rotated boxes: exact, vectorised and differentiable.

The larger box is moved into the axes of the smaller. There, at every x, the common part of the two has the length
clamp(y_high(x)) - clamp(y_low(x)), with y_low and y_high the larger box's boundary and the clamp to the smaller's
height. Its integral over x is a sum over the larger box's four edges of the integral of a clamped linear function,
which has a closed form. No case of touching, nested, parallel or identical boxes is special and no points are sorted,
so that the error stays at rounding level for all of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mambamed.detection.geometry.checks import check_boxes
from mambamed.detection.geometry.corners import boxes_to_corners
from mambamed.errors import BadRequestError

__all__ = ["rotated_iou", "rotated_iou_pairs"]

_PAIRS_AT_ONCE = 1 << 17
# Units of the last place, of the smaller box's area, that the sum over four edges can be wrong by.
_ROUNDINGS = 8


def rotated_iou(first: Tensor, second: Tensor) -> Tensor:
    """Overlap of every box with every other.

    Only pairs whose circumscribed circles meet are computed, some 100,000 at a time: beside the result the memory is
    bounded (unless gradients are recorded).

    Args:
        first: (N, 5) boxes (cx, cy, w, h, angle), pixels and radians, any angle convention.
        second: (M, 5).

    Returns:
        (N, M), between 0 and 1; 0 where a box has no area.
    """
    check_boxes(first, "first boxes")
    check_boxes(second, "second boxes")
    if first.ndim != 2 or second.ndim != 2:
        raise BadRequestError(
            f"The boxes are tensors {tuple(first.shape)} and {tuple(second.shape)}; give (N, 5) and (M, 5)."
        )
    dtype = torch.promote_types(first.dtype, second.dtype)
    result = torch.zeros(len(first), len(second), dtype=dtype, device=first.device)
    if result.numel() == 0:
        return result
    blocks = []
    for rows in first.split(max(1, 16 * _PAIRS_AT_ONCE // len(second))):
        block = torch.zeros(len(rows), len(second), dtype=dtype, device=first.device)
        for pairs in _near_pairs(rows, second).split(_PAIRS_AT_ONCE):
            row, column = pairs.unbind(dim=1)
            block = block.index_put((row, column), rotated_iou_pairs(rows[row], second[column]).to(dtype))
        blocks.append(block)
    return torch.cat(blocks)


def rotated_iou_pairs(first: Tensor, second: Tensor) -> Tensor:
    """Overlap of boxes (..., 5) with their partners (..., 5) -> (...), between 0 and 1; differentiable in both.

    Half-precision boxes are computed in float32. A box with a side of 0 or less overlaps with nothing.
    """
    check_boxes(first, "first boxes")
    check_boxes(second, "second boxes")
    dtype = torch.promote_types(first.dtype, second.dtype)
    working = torch.promote_types(dtype, torch.float32)
    first, second = torch.broadcast_tensors(first.to(working), second.to(working))
    first_area, second_area = _area(first), _area(second)
    swap = (first_area < second_area)[..., None]
    larger, smaller = torch.where(swap, second, first), torch.where(swap, first, second)
    common, least = _intersection_area(larger, smaller), torch.minimum(first_area, second_area)
    # Rounding of the integral must not let boxes meet that are apart, nor give more than the smaller box.
    common = torch.where(common > _ROUNDINGS * torch.finfo(working).eps * least, common, 0.0).minimum(least)
    union = first_area + second_area - common
    has_area = (least > 0) & (union > 0)
    return torch.where(has_area, common / torch.where(has_area, union, 1.0), 0.0).to(dtype)


def _area(boxes: Tensor) -> Tensor:
    return boxes[..., 2].clamp_min(0) * boxes[..., 3].clamp_min(0)


def _near_pairs(first: Tensor, second: Tensor) -> Tensor:
    """Return the indices (L, 2) of the pairs whose circumscribed circles meet."""
    first, second = first.detach(), second.detach()
    reach = 0.5 * (first[:, None, 2:4].norm(dim=-1) + second[None, :, 2:4].norm(dim=-1))
    apart = (first[:, None, :2] - second[None, :, :2]).abs()
    # A product of the two differences may overflow in half precision; the larger of them decides nearly as well.
    return (apart.amax(dim=-1) <= reach * 1.001).nonzero()


def _intersection_area(first: Tensor, second: Tensor) -> Tensor:
    """Return the area that boxes (..., 5) have in common with their partners (..., 5)."""
    moved = _in_axes_of(first, second)
    start = boxes_to_corners(moved)
    end = start.roll(-1, dims=-2)
    half_sides = 0.5 * second[..., None, 2:4].clamp_min(0)
    half_w, half_h = half_sides[..., 0], half_sides[..., 1]
    x_start, x_end = _limit(start[..., 0], half_w), _limit(end[..., 0], half_w)
    run, rise = end[..., 0] - start[..., 0], end[..., 1] - start[..., 1]
    # Within the edge's run the height is linear in x; an upright edge sweeps no x, its slope is of no consequence.
    slope = _ratio(rise, run)
    y_start = start[..., 1] + (x_start - start[..., 0]) * slope
    y_end = end[..., 1] + (x_end - end[..., 0]) * slope
    swept = (x_end - x_start) * _mean_limited(y_start, y_end, half_h)
    # The corners go from x towards y: the edges at low y run towards +x.
    return -swept.sum(dim=-1)


def _in_axes_of(boxes: Tensor, frames: Tensor) -> Tensor:
    """Return boxes in coordinates whose origin and x axis are another box's centre and w side."""
    offset = boxes[..., :2] - frames[..., :2]
    cosine, sine = torch.cos(frames[..., 4]), torch.sin(frames[..., 4])
    x = offset[..., 0] * cosine + offset[..., 1] * sine
    y = offset[..., 1] * cosine - offset[..., 0] * sine
    centre = torch.stack((x, y), dim=-1)
    return torch.cat((centre, boxes[..., 2:4].clamp_min(0), (boxes[..., 4] - frames[..., 4])[..., None]), dim=-1)


def _mean_limited(begin: Tensor, end: Tensor, limit: Tensor) -> Tensor:
    """Return the mean of a quantity that goes linearly from ``begin`` to ``end`` and is clamped to [-limit, limit]."""
    limited_begin, limited_end = _limit(begin, limit), _limit(end, limit)
    change = end - begin
    before = _ratio(limited_begin - begin, change).clamp(0, 1)
    between = _ratio(limited_end - limited_begin, change).clamp(0, 1)
    after = 1 - before - between
    mean = before * limited_begin + 0.5 * between * (limited_begin + limited_end) + after * limited_end
    return torch.where(change == 0, 0.5 * (limited_begin + limited_end), mean)


def _limit(values: Tensor, limit: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(values, -limit), limit)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide; 0 where the denominator is 0, there also without a gradient."""
    safe = denominator != 0
    return torch.where(safe, numerator / torch.where(safe, denominator, 1.0), 0.0)
