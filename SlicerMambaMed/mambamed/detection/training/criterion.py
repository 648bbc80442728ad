"""The loss of a detector's output against the objects of its images, for every method on the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mambamed.detection.assign import Assignment
from mambamed.detection.assign import coarse_to_fine_assign
from mambamed.detection.assign_adaptive import adaptive_assign
from mambamed.detection.assign_max_iou import max_iou_assign
from mambamed.detection.geometry.iou_loss import rotated_iou_loss
from mambamed.detection.losses import focal_loss
from mambamed.detection.networks.box_coder import decode_boxes
from mambamed.detection.networks.box_coder import encode_boxes
from mambamed.detection.networks.detector import DetectorOutput
from mambamed.detection.training.method import MethodSettings
from mambamed.errors import BadRequestError
from mambamed.training.process_group import mean_over_ranks

__all__ = ["DetectionCriterion", "DetectionLoss", "ImageObjects"]


@dataclass(frozen=True)
class ImageObjects:
    """The objects of one image.

    Attributes:
        boxes: (G, 5): cx, cy, w, h in pixels and an angle in radians; G may be 0.
        labels: (G,) int64, positions in the list of classes.
        difficult: (G,) bool; what is matched to such an object counts neither as object nor as background.
    """

    boxes: Tensor
    labels: Tensor
    difficult: Tensor

    def to(self, device: torch.device) -> ImageObjects:
        """Return a copy on a device."""
        return ImageObjects(self.boxes.to(device), self.labels.to(device), self.difficult.to(device))


@dataclass(frozen=True)
class DetectionLoss:
    """The loss of one batch.

    Attributes:
        total: what is minimised.
        classes: its part from the classes, weighed.
        boxes: its part from the boxes, weighed.
        positives: priors that learn an object.
        objects: objects that are not difficult.
        learned: those of them that a prior learns.
    """

    total: Tensor
    classes: Tensor
    boxes: Tensor
    positives: int
    objects: int
    learned: int


class DetectionCriterion:
    """Matches priors to objects by a method and weighs what the detector says of them.

    Focal loss of the classes of all priors that are not ignored, and the loss of the boxes of those that learn an
    object; both are sums divided by the number of the latter (the mean of it over processes that train together).
    """

    def __init__(self, method: MethodSettings) -> None:
        self.method = method

    def __call__(self, output: DetectorOutput, objects: Sequence[ImageObjects]) -> DetectionLoss:
        """Return the loss of N images.

        Raises:
            BadRequestError: the objects are of another number of images.
        """
        if len(objects) != len(output.cls_logits):
            raise BadRequestError(
                f"There are objects of {len(objects)} images for the output of {len(output.cls_logits)}; give one each."
            )
        class_sum = output.cls_logits.new_zeros((), dtype=torch.float32)
        box_sum = class_sum
        positives = known = learned = 0
        for number, image in enumerate(objects):
            assignment = self.assign(output, number, image)
            index = assignment.gt_index
            learns = index > 0
            skipped = index < 0
            skipped[learns] = image.difficult[index[learns] - 1]
            learns &= ~skipped
            logits = output.cls_logits[number]
            target = torch.zeros_like(logits)
            target[assignment.labels[learns], learns.nonzero()[:, 0]] = 1
            class_sum = class_sum + focal_loss(logits[:, ~skipped], target[:, ~skipped]).sum()
            box_sum = box_sum + self._box_loss(output, number, learns, image.boxes[index[learns] - 1])
            positives += int(learns.sum())
            known += int((~image.difficult).sum())
            learned += len(index[learns].unique())
        divisor = max(1.0, mean_over_ranks(float(positives), class_sum.device))
        classes = self.method.class_weight * class_sum / divisor
        boxes = self.method.box_weight * box_sum / divisor
        return DetectionLoss(classes + boxes, classes.detach(), boxes.detach(), positives, known, learned)

    @torch.no_grad()
    def assign(self, output: DetectorOutput, number: int, image: ImageObjects) -> Assignment:
        """Match the priors to the objects of one image."""
        method = self.method
        if method.name == "retinanet-o":
            return max_iou_assign(priors=output.priors, gt_boxes=image.boxes, gt_labels=image.labels)
        if method.name == "atss-o":
            return adaptive_assign(
                priors=output.priors, levels=output.levels, gt_boxes=image.boxes, gt_labels=image.labels
            )
        priors = output.dynamic_priors[number]
        return coarse_to_fine_assign(
            priors=priors,
            gt_boxes=image.boxes,
            gt_labels=image.labels,
            cls_logits=output.cls_logits[number],
            decoded_boxes=decode_boxes(priors, output.deltas[number].detach().float().t()),
            measure=method.measure,
            k=method.k,
            q=method.q,
            g=method.g,
            strict=method.strict,
        )

    def _box_loss(self, output: DetectorOutput, number: int, learns: Tensor, targets: Tensor) -> Tensor:
        """Return the sum over the priors that learn an object; boxes are decoded from the unmoved priors."""
        deltas = output.deltas[number][:, learns].float().t()
        priors = output.priors[learns]
        targets = targets.to(deltas)
        if self.method.box_loss == "l1":
            return (deltas - encode_boxes(priors, targets)).abs().sum()
        return rotated_iou_loss(decode_boxes(priors, deltas), targets).sum()
