"""Score instances (cells): matched one to one by overlap, then F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["InstanceScores", "match_instances"]


@dataclass(frozen=True)
class InstanceScores:
    """How many instances were found.

    Attributes:
        f1: 2 TP / (2 TP + FP + FN); 1 if there are no instances at all.
        precision: TP / (TP + FP); 1 if nothing was predicted and nothing is there, else 0 if nothing was predicted.
        recall: TP / (TP + FN); likewise.
        mean_iou: Mean overlap of the matched pairs; NaN without a match.
        true_positives: Matched pairs.
        false_positives: Predicted instances without a partner.
        false_negatives: Reference instances without a partner.
    """

    f1: float
    precision: float
    recall: float
    mean_iou: float
    true_positives: int
    false_positives: int
    false_negatives: int


def match_instances(prediction: np.ndarray, reference: np.ndarray, iou_threshold: float = 0.5) -> InstanceScores:
    """Match instances one to one and count.

    Pairs of an intersection over union (IoU) of at least ``iou_threshold`` are candidates; of these, as many as
    possible are matched, and among equal numbers those with the largest IoU. Cells cut by the image's border count.

    Args:
        prediction: Integers, 0 for background, one value per instance.
        reference: The same, of the same shape.
        iou_threshold: 0.5 in the U-Mamba paper.
    """
    predicted = np.unique(prediction, return_inverse=True)
    expected = np.unique(reference, return_inverse=True)
    values = (predicted[0], expected[0])
    table = np.bincount(
        predicted[1].ravel() * len(values[1]) + expected[1].ravel(), minlength=len(values[0]) * len(values[1])
    ).reshape(len(values[0]), len(values[1]))
    areas = (table.sum(1), table.sum(0))
    overlap = table[values[0] > 0][:, values[1] > 0]
    union = areas[0][values[0] > 0][:, None] + areas[1][values[1] > 0][None] - overlap
    iou = overlap / np.maximum(union, 1)
    count_predicted, count_expected = iou.shape
    matched = np.zeros(0)
    if iou.size:
        # A candidate is worth more than any gain of overlap that could be had by giving one up.
        worth = np.where(iou >= iou_threshold, 1.0 + iou / (2 * min(iou.shape)), 0.0)
        chosen = linear_sum_assignment(worth, maximize=True)
        matched = iou[chosen]
        matched = matched[matched >= iou_threshold]
    hits = len(matched)
    total = count_predicted + count_expected
    nothing = 1.0 if total == 0 else 0.0
    return InstanceScores(
        f1=2 * hits / total if total else 1.0,
        precision=hits / count_predicted if count_predicted else nothing,
        recall=hits / count_expected if count_expected else nothing,
        mean_iou=float(matched.mean()) if hits else float("nan"),
        true_positives=hits,
        false_positives=count_predicted - hits,
        false_negatives=count_expected - hits,
    )
