"""Non-maximum suppression of rotated boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from mambamed.detection.geometry.checks import check_boxes
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.errors import BadRequestError

__all__ = ["rotated_nms"]

_BLOCK = 256


@torch.no_grad()
def rotated_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    labels: Tensor | None = None,
    maximum_kept: int | None = None,
) -> Tensor:
    """Keep the best boxes and drop those that overlap with a better one that was kept.

    Boxes are taken in blocks of descending score: a block is compared with what is kept so far and with itself, so that
    the memory grows with the number of boxes and not with its square.

    Args:
        boxes: (N, 5) boxes (cx, cy, w, h, angle), pixels and radians.
        scores: (N,).
        iou_threshold: a box goes when its overlap with a better one is larger than this.
        labels: (N,); with them boxes of different labels do not suppress each other.
        maximum_kept: stop after so many.

    Returns:
        Indices of the kept boxes, (K,) int64, by descending score; of equal scores the smaller index comes first.
    """
    check_boxes(boxes, "boxes")
    given = [tuple(values.shape) for values in (scores, labels) if values is not None]
    if boxes.ndim != 2 or any(shape != (len(boxes),) for shape in given):
        raise BadRequestError(
            f"The boxes are a tensor {tuple(boxes.shape)} with scores and labels {given}; give (N, 5) and (N,)."
        )
    if not 0 <= iou_threshold <= 1:
        raise BadRequestError(f"The overlap for suppression is {iou_threshold}; give one between 0 and 1.")
    wanted = len(boxes) if maximum_kept is None else maximum_kept
    order = torch.sort(scores, descending=True, stable=True).indices
    kept = order[:0]
    for block in order.split(_BLOCK):
        if len(kept) >= wanted:
            break
        block = block[~_suppresses(boxes, labels, kept, block, iou_threshold).any(dim=0)]
        within = _suppresses(boxes, labels, block, block, iou_threshold)
        kept = torch.cat((kept, block[_greedy(within)]))
    return kept[:wanted]


def _suppresses(boxes: Tensor, labels: Tensor | None, better: Tensor, worse: Tensor, threshold: float) -> Tensor:
    """Tell which of the better boxes would suppress which of the worse, (B, W) bool."""
    suppresses = rotated_iou(boxes[better], boxes[worse]) > threshold
    if labels is not None:
        suppresses &= labels[better][:, None] == labels[worse][None, :]
    return suppresses


def _greedy(suppresses: Tensor) -> Tensor:
    """Return the positions that stay when each, in order, drops those after it that it suppresses."""
    table = suppresses.cpu().numpy()  # the loop is over at most one block; on the host it costs no device launches
    stays: list[int] = []
    alive = [True] * len(table)
    for position, row in enumerate(table):
        if alive[position]:
            stays.append(position)
            for other in row[position + 1 :].nonzero()[0]:
                alive[position + 1 + int(other)] = False
    return torch.tensor(stays, dtype=torch.int64, device=suppresses.device)
