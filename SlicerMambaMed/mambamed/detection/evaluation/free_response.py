"""Free-response operating characteristic (FROC): share of objects found against false boxes per image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.evaluation.matching import labels_of
from mambamed.detection.evaluation.matching import match_detections
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = ["FALSE_PER_IMAGE", "FreeResponse", "evaluate_free_response"]

# Rates at which the sensitivity is usually reported.
FALSE_PER_IMAGE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class FreeResponse:
    """The curve over all labels, one point for each score that a box has, by descending score.

    Attributes:
        scores: boxes with at least this score count.
        sensitivity: share of the objects found, between 0 and 1; nan without objects.
        false_per_image: mean number of false boxes in an image.
    """

    scores: tuple[float, ...]
    sensitivity: tuple[float, ...]
    false_per_image: tuple[float, ...]
    object_count: int
    image_count: int

    def sensitivity_at(self, false_per_image: float) -> float:
        """Return the largest sensitivity with at most so many false boxes per image; nan without objects."""
        if not self.object_count:
            return math.nan
        pairs = zip(self.sensitivity, self.false_per_image, strict=True)
        return max((sensitivity for sensitivity, rate in pairs if rate <= false_per_image), default=0.0)

    @property
    def mean_sensitivity(self) -> float:
        """Mean sensitivity at the seven usual rates from 1/8 to 8; nan without objects."""
        return sum(self.sensitivity_at(rate) for rate in FALSE_PER_IMAGE) / len(FALSE_PER_IMAGE)


def evaluate_free_response(
    objects: Mapping[str, Sequence[AnnotatedObject]],
    found: Mapping[str, Sequence[OrientedBox]],
    *,
    iou_threshold: float = 0.5,
) -> FreeResponse:
    """Compare what a detector found with the annotations of all images, labels counted together.

    Hits are those of average precision: a second box on the same object is false, boxes on difficult objects do not
    count. Boxes of a label that no annotation has are false.

    Args:
        objects: of each image, by its name; an image without objects has an empty sequence and counts as an image.
        found: of each image in which something was found, by the same names.
        iou_threshold: a hit overlaps by more than this.

    Raises:
        BadRequestError: there are no images, an image has no entry in ``objects`` or the threshold is no overlap.
    """
    if not objects:
        raise BadRequestError("There are no images with annotations; false boxes per image need at least one.")
    labels = {*labels_of(objects), *(box.label for boxes in found.values() for box in boxes)}
    matches = [match_detections(objects, found, label, [iou_threshold]) for label in sorted(labels) or [""]]
    scores = torch.cat([match.scores for match in matches])
    order = torch.sort(scores, descending=True, stable=True).indices
    scores = scores[order]
    hits = torch.cat([match.hits[0] for match in matches])[order].cumsum(0)
    false = torch.cat([match.false[0] for match in matches])[order].cumsum(0)
    # Boxes of equal scores can only be taken together.
    last = torch.ones_like(scores, dtype=torch.bool)
    last[:-1] = scores[1:] != scores[:-1]
    object_count = sum(match.object_count for match in matches)
    return FreeResponse(
        scores=tuple(scores[last].tolist()),
        sensitivity=tuple(hit / object_count if object_count else math.nan for hit in hits[last].tolist()),
        false_per_image=tuple(count / len(objects) for count in false[last].tolist()),
        object_count=object_count,
        image_count=len(objects),
    )
