"""Which boxes that a detector found are hits and which are not, by DOTA's rule.

By descending score over all images, each box looks for the object of its label in its image with which it overlaps
most. Where that overlap is larger than the threshold, the box is a hit if no better one has taken the object, and else
false. A box on a difficult object is neither. Every other box is false. (A box whose best object is taken does not look
for the second best.)
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = ["Matches", "check_images", "labels_of", "match_detections"]


@dataclass(frozen=True)
class Matches:
    """The boxes of one label in all images, by descending score.

    Attributes:
        scores: (N,) float64.
        hits: (T, N) bool, for each of T overlaps.
        false: (T, N) bool; a box that is neither a hit nor false lies on a difficult object and does not count.
        object_count: objects that are not difficult.
    """

    scores: Tensor
    hits: Tensor
    false: Tensor
    object_count: int


def labels_of(objects: Mapping[str, Sequence[AnnotatedObject]]) -> list[str]:
    """Return the labels of all objects, difficult ones too, in alphabetical order."""
    return sorted({item.box.label for items in objects.values() for item in items})


def check_images(objects: Mapping[str, Sequence[AnnotatedObject]], found: Mapping[str, Sequence[OrientedBox]]) -> None:
    """Refuse boxes for images that have no entry among the annotations."""
    unknown = sorted(set(found) - set(objects))
    if unknown:
        raise BadRequestError(
            f"There are boxes for {len(unknown)} images without annotations (the first is {unknown[0]!r}); give for "
            "each image its annotations, an empty list where nothing is to be found."
        )


def match_detections(
    objects: Mapping[str, Sequence[AnnotatedObject]],
    found: Mapping[str, Sequence[OrientedBox]],
    label: str,
    iou_thresholds: Sequence[float],
) -> Matches:
    """Compare the boxes found of one label with the annotated objects.

    Args:
        objects: of each image, by its name; an image without objects has an empty sequence.
        found: of each image in which something was found, by the same names; boxes with scores.
        label: of the objects and boxes that count.
        iou_thresholds: overlaps between 0 and 1; a hit has more.

    Raises:
        BadRequestError: a threshold is no overlap, or boxes are given for an image that has no entry in ``objects``.
    """
    if not iou_thresholds or not all(0 <= threshold < 1 for threshold in iou_thresholds):
        raise BadRequestError(f"The overlaps for a hit are {list(iou_thresholds)}; give numbers from 0 to below 1.")
    check_images(objects, found)
    scores: list[float] = []
    overlaps: list[float] = []
    nearest: list[int] = []  # position of the object with the largest overlap, over all images; -1 without objects
    difficult: list[bool] = []
    for image, items in objects.items():
        annotated = [item for item in items if item.box.label == label]
        boxes = [box for box in found.get(image, ()) if box.label == label]
        if boxes:
            scores += [box.score for box in boxes]
            iou, position = _best([item.box for item in annotated], boxes)
            overlaps += iou
            nearest += [len(difficult) + index if annotated else -1 for index in position]
        difficult += [item.difficult for item in annotated]
    order = torch.sort(torch.tensor(scores, dtype=torch.float64), descending=True, stable=True).indices.tolist()
    hits = [[False] * len(order) for _ in iou_thresholds]
    false = [[False] * len(order) for _ in iou_thresholds]
    for row, threshold in enumerate(iou_thresholds):
        taken = [False] * len(difficult)
        for column, index in enumerate(order):
            place = nearest[index]
            if place < 0 or overlaps[index] <= threshold:
                false[row][column] = True
            elif not difficult[place]:
                false[row][column] = taken[place]
                hits[row][column] = not taken[place]
                taken[place] = True
    ordered = torch.tensor([scores[index] for index in order], dtype=torch.float64)
    shape = len(iou_thresholds), len(order)
    return Matches(ordered, _flags(hits, shape), _flags(false, shape), difficult.count(False))


def _flags(rows: list[list[bool]], shape: tuple[int, int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.bool).reshape(shape)


def _best(annotated: Sequence[OrientedBox], boxes: Sequence[OrientedBox]) -> tuple[list[float], list[int]]:
    """Return each box's largest overlap with an annotated one, and which that is; of equal ones the first."""
    if not annotated:
        return [0.0] * len(boxes), [0] * len(boxes)
    largest = rotated_iou(_tensor(boxes), _tensor(annotated)).max(dim=1)
    return largest.values.tolist(), largest.indices.tolist()


def _tensor(boxes: Sequence[OrientedBox]) -> Tensor:
    return torch.tensor([[box.cx, box.cy, box.w, box.h, box.angle_rad] for box in boxes], dtype=torch.float64)
