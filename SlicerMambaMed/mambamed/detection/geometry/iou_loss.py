"""Loss of predicted rotated boxes."""

from __future__ import annotations

from torch import Tensor

from mambamed.detection.geometry.overlap import rotated_iou_pairs
from mambamed.errors import BadRequestError

__all__ = ["rotated_iou_loss"]


def rotated_iou_loss(predicted: Tensor, target: Tensor, minimum_iou: float = 1e-6) -> Tensor:
    """Negative logarithm of the overlap of predicted boxes with their targets.

    Args:
        predicted: (N, 5) boxes (cx, cy, w, h, angle), pixels and radians.
        target: (N, 5).
        minimum_iou: a smaller overlap counts as this one and gives no gradient.

    Returns:
        (N,), between 0 and -log(minimum_iou).
    """
    if predicted.shape != target.shape:
        raise BadRequestError(
            f"The predicted boxes {tuple(predicted.shape)} and targets {tuple(target.shape)} differ in shape; "
            "give one target for each."
        )
    if not 0 < minimum_iou < 1:
        raise BadRequestError(f"The smallest overlap of the loss is {minimum_iou}; give one between 0 and 1.")
    # In half precision the smallest overlap would round to 0.
    overlap = rotated_iou_pairs(_at_least_single(predicted), _at_least_single(target))
    return -overlap.clamp_min(minimum_iou).log()


def _at_least_single(boxes: Tensor) -> Tensor:
    return boxes if boxes.element_size() >= 4 else boxes.float()
