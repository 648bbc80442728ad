"""Adaptive training sample selection (ATSS, Zhang et al., CVPR 2020), for oriented boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from mambamed.detection.assign import Assignment
from mambamed.detection.assign import labels_of_objects
from mambamed.detection.geometry.overlap import rotated_iou_pairs
from mambamed.errors import BadRequestError

__all__ = ["adaptive_assign"]


@torch.no_grad()
def adaptive_assign(
    *, priors: Tensor, levels: Tensor, gt_boxes: Tensor, gt_labels: Tensor, per_level: int = 9
) -> Assignment:
    """Let each object take near priors that overlap more with it than the mean plus one deviation of all near ones.

    The near priors are, on every level, those whose centres are nearest to the object's. Only priors whose centre lies
    in the object are taken. A prior that several objects want goes to the one with which it overlaps most.

    Args:
        priors: (P, 5) boxes (cx, cy, w, h, angle), pixels and radians.
        levels: (P,), the level of each.
        gt_boxes: (G, 5), the objects; G may be 0.
        gt_labels: (G,) integers.
        per_level: near priors on each level.

    Returns:
        The assignment; its coarse index is the same as the index.
    """
    if per_level < 1:
        raise BadRequestError(f"{per_level} near priors of each level are asked for; give at least 1.")
    index = torch.zeros(len(priors), dtype=torch.int64, device=priors.device)
    if len(priors) == 0 or len(gt_boxes) == 0:
        return Assignment(index, labels_of_objects(index, gt_labels), index)
    priors, objects = priors.float(), gt_boxes.float()
    distances = torch.cdist(objects[:, :2], priors[:, :2], compute_mode="donot_use_mm_for_euclid_dist")
    near = []
    for level in levels.unique().tolist():
        places = (levels == level).nonzero()[:, 0]
        nearest = distances[:, places].topk(min(per_level, len(places)), largest=False).indices
        near.append(places[nearest])
    candidates = torch.cat(near, dim=1)
    overlap = rotated_iou_pairs(objects[:, None], priors[candidates])
    least = overlap.mean(dim=1, keepdim=True)
    if candidates.shape[1] > 1:
        least = least + overlap.std(dim=1, keepdim=True)
    taken = (overlap >= least) & _inside(priors[candidates][..., :2], objects[:, None])
    wanted = torch.full((len(objects), len(priors)), -1.0, device=priors.device)
    wanted.scatter_(1, candidates, torch.where(taken, overlap, -1.0))
    best = wanted.max(dim=0)
    index = torch.where(best.values >= 0, best.indices + 1, index)
    return Assignment(index, labels_of_objects(index, gt_labels), index)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Tell which points (..., 2) lie in their boxes (..., 5)."""
    offset = points - boxes[..., :2]
    cosine, sine = torch.cos(boxes[..., 4]), torch.sin(boxes[..., 4])
    along = offset[..., 0] * cosine + offset[..., 1] * sine
    across = offset[..., 1] * cosine - offset[..., 0] * sine
    return (along.abs() <= 0.5 * boxes[..., 2]) & (across.abs() <= 0.5 * boxes[..., 3])
