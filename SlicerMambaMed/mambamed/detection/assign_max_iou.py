"""Matching of priors to objects by their overlap, as RetinaNet does (Lin et al., ICCV 2017), for oriented boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from mambamed.detection.assign import Assignment
from mambamed.detection.assign import labels_of_objects
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.errors import BadRequestError

__all__ = ["max_iou_assign"]


@torch.no_grad()
def max_iou_assign(
    *,
    priors: Tensor,
    gt_boxes: Tensor,
    gt_labels: Tensor,
    positive_iou: float = 0.5,
    negative_iou: float = 0.4,
) -> Assignment:
    """Let each prior learn the object with which it overlaps most, if it does so enough.

    Every object also takes the priors with which it overlaps most (all that tie), however little that is, so that
    none is without; a prior that several objects want so goes to the last of them.

    Args:
        priors: (P, 5) boxes (cx, cy, w, h, angle), pixels and radians.
        gt_boxes: (G, 5), the objects; G may be 0.
        gt_labels: (G,) integers.
        positive_iou: from this overlap on a prior learns the object.
        negative_iou: below this overlap with every object it is background; between the two it is ignored.

    Returns:
        The assignment; its coarse index is the same as the index.
    """
    if not 0 < negative_iou <= positive_iou <= 1:
        raise BadRequestError(
            f"The overlaps of background and object are {negative_iou} and {positive_iou}; give numbers above 0 and up "
            "to 1, the second not smaller."
        )
    index = torch.zeros(len(priors), dtype=torch.int64, device=priors.device)
    if len(priors) and len(gt_boxes):
        overlap = rotated_iou(gt_boxes.float(), priors.float())
        best = overlap.max(dim=0)
        index[best.values >= negative_iou] = -1
        index = torch.where(best.values >= positive_iou, best.indices + 1, index)
        largest = overlap.amax(dim=1, keepdim=True)
        numbers = torch.arange(1, len(gt_boxes) + 1, device=priors.device)[:, None]
        wanted = torch.where((overlap == largest) & (largest > 0), numbers, 0).amax(dim=0)
        index = torch.where(wanted > 0, wanted, index)
    return Assignment(index, labels_of_objects(index, gt_labels), index)
