"""Average precision by DOTA's rule, with the precision taken at 11 recalls (as VOC 2007) or at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.evaluation.matching import check_images
from mambamed.detection.evaluation.matching import labels_of
from mambamed.detection.evaluation.matching import match_detections
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = ["IOU_THRESHOLDS", "AveragePrecision", "average_precision", "evaluate_average_precision"]

# 0.5, 0.55, ... 0.95
IOU_THRESHOLDS = tuple((50 + 5 * step) / 100 for step in range(10))
_RULES = ("07", "all-point")


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision of each label at each overlap, between 0 and 1.

    DOTA's benchmark calls ``ap50`` its mAP.

    Attributes:
        by_label: for each label the values at ``IOU_THRESHOLDS``; nan for a label with difficult objects only.
        object_count: for each label the objects that are not difficult.
    """

    by_label: dict[str, tuple[float, ...]]
    object_count: dict[str, int]

    @property
    def ap50(self) -> float:
        """Mean over labels at the overlap 0.5; nan without objects."""
        return self._mean([0])

    @property
    def ap75(self) -> float:
        """Mean over labels at the overlap 0.75; nan without objects."""
        return self._mean([IOU_THRESHOLDS.index(0.75)])

    @property
    def mean(self) -> float:
        """Mean over labels and all ten overlaps from 0.5 to 0.95; nan without objects."""
        return self._mean(range(len(IOU_THRESHOLDS)))

    def _mean(self, columns: Sequence[int]) -> float:
        values = [row[column] for row in self.by_label.values() for column in columns if not math.isnan(row[column])]
        return sum(values) / len(values) if values else math.nan


def evaluate_average_precision(
    objects: Mapping[str, Sequence[AnnotatedObject]],
    found: Mapping[str, Sequence[OrientedBox]],
    *,
    rule: str = "07",
) -> AveragePrecision:
    """Compare what a detector found with the annotations of all images.

    Labels that no annotation has do not count, as in DOTA's evaluation.

    Args:
        objects: of each image, by its name; an image without objects has an empty sequence.
        found: of each image in which something was found, by the same names.
        rule: "07" (mean of the precision at the recalls 0, 0.1, ... 1, DOTA's own) or "all-point" (area below the
            curve of precision).

    Raises:
        BadRequestError: the rule is unknown, or an image has no entry in ``objects``.
    """
    _check(rule)
    check_images(objects, found)
    by_label, object_count = {}, {}
    for label in labels_of(objects):
        matches = match_detections(objects, found, label, IOU_THRESHOLDS)
        object_count[label] = matches.object_count
        by_label[label] = tuple(
            average_precision(hits, false, matches.object_count, rule=rule)
            for hits, false in zip(matches.hits, matches.false, strict=True)
        )
    return AveragePrecision(by_label, object_count)


def average_precision(hits: Tensor, false: Tensor, object_count: int, *, rule: str = "07") -> float:
    """Return the average precision of boxes by descending score.

    The precision at a recall is the largest that is reached there or at any larger recall.

    Args:
        hits: (N,) bool.
        false: (N,) bool; boxes that are neither do not count.
        object_count: objects to be found.
        rule: "07" or "all-point".

    Returns:
        Between 0 and 1; nan without objects.
    """
    _check(rule)
    if object_count < 1:
        return math.nan
    hit_count, false_count = hits.double().cumsum(0), false.double().cumsum(0)
    precision = hit_count / (hit_count + false_count).clamp_min(1)
    best_from_here = precision.flip(0).cummax(0).values.flip(0) if len(precision) else precision
    if rule == "all-point":
        # Each hit is a step of the same width along the recall.
        return float(best_from_here[hits].sum()) / object_count
    total = 0.0
    for tenth in range(11):
        # Whole numbers: a recall of 3 in 10 is 0.3 and not a rounding below it.
        reached = hit_count * 10 >= tenth * object_count
        total += float(best_from_here[reached].max()) if reached.any() else 0.0
    return total / 11


def _check(rule: str) -> None:
    if rule not in _RULES:
        raise BadRequestError(f"The rule of average precision is {rule!r}; give one of {', '.join(_RULES)}.")
