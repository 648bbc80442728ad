"""Suppression of rotated boxes against the plain definition."""

from __future__ import annotations

import math

import pytest
import torch
from mambamed.detection.geometry import rotated_iou
from mambamed.detection.geometry import rotated_iou_pairs
from mambamed.detection.geometry import rotated_nms
from mambamed.errors import BadRequestError


def _boxes(count: int, extent: float, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(count, 5, generator=generator)
    low, factor = torch.tensor([0, 0, 6, 3, -0.7]), torch.tensor([extent, extent, 20, 8, math.pi])
    return (
        low + numbers * factor,
        torch.rand(count, generator=generator),
        torch.randint(3, (count,), generator=generator),
    )


def _by_definition(boxes: torch.Tensor, scores: torch.Tensor, threshold: float, labels: torch.Tensor) -> list[int]:
    """Compare all with all, then keep one by one."""
    overlap = rotated_iou_pairs(boxes[:, None], boxes[None]).tolist()
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i].item()):
        if all(overlap[better][index] <= threshold or labels[better] != labels[index] for better in kept):
            kept.append(index)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.4])
def test_as_defined(threshold: float) -> None:
    boxes, scores, labels = _boxes(600, 120.0, 1)  # more than one block
    alike = torch.zeros_like(labels)
    expected = _by_definition(boxes, scores, threshold, alike)
    assert 20 < len(expected) < 500
    assert rotated_nms(boxes, scores, threshold).tolist() == expected
    assert rotated_nms(boxes, scores, threshold, maximum_kept=7).tolist() == expected[:7]
    by_label = _by_definition(boxes, scores, threshold, labels)
    assert len(by_label) > len(expected)
    assert rotated_nms(boxes, scores, threshold, labels).tolist() == by_label


def test_equal_scores_keep_the_first_and_a_chain_keeps_its_ends() -> None:
    box = torch.tensor([5.0, 5.0, 6.0, 3.0, 0.2])
    assert rotated_nms(box.expand(4, 5), torch.full((4,), 0.5), 0.5).tolist() == [0]
    # the middle one overlaps with both, the outer ones do not meet: the middle goes, and so drops nobody
    chain = torch.stack((box, box + torch.tensor([2.0, 0, 0, 0, 0]), box + torch.tensor([4.0, 0, 0, 0, 0])))
    assert rotated_iou(chain, chain)[0, 1] > 0.3 > rotated_iou(chain, chain)[0, 2]
    assert rotated_nms(chain, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]
    assert rotated_nms(chain, torch.tensor([0.8, 0.9, 0.7]), 0.3).tolist() == [1]


def test_nothing_to_suppress() -> None:
    kept = rotated_nms(torch.zeros(0, 5), torch.zeros(0), 0.4)
    assert kept.shape == (0,)
    assert kept.dtype == torch.int64


def test_ten_thousand_boxes() -> None:
    boxes, scores, labels = _boxes(10_000, 250.0, 2)
    kept = rotated_nms(boxes, scores, 0.4, labels)
    assert 1000 < len(kept) < 9000  # many stay and many go, else the checks below would see little
    assert (scores[kept].diff() <= 0).all()
    for label in range(3):
        same = kept[labels[kept] == label]
        overlap = rotated_iou(boxes[same], boxes[same]) - torch.eye(len(same))
        assert overlap.max() <= 0.4
        dropped = torch.ones(len(boxes), dtype=torch.bool)
        dropped[kept] = False
        sample = (dropped & (labels == label)).nonzero()[:40, 0]
        better = scores[same][:, None] >= scores[sample][None]
        assert ((rotated_iou(boxes[same], boxes[sample]) > 0.4) & better).any(dim=0).all()


def test_wrong_input_is_refused() -> None:
    boxes, scores, labels = _boxes(4, 10.0, 3)
    with pytest.raises(BadRequestError, match="scores"):
        rotated_nms(boxes, scores[:3], 0.4)
    with pytest.raises(BadRequestError, match="labels"):
        rotated_nms(boxes, scores, 0.4, labels[:2])
    with pytest.raises(BadRequestError, match="between 0 and 1"):
        rotated_nms(boxes, scores, 1.4)
