"""Adaptive selection against the paper's algorithm, written down one object and one level at a time."""

from __future__ import annotations

import math

import pytest
import torch
from mambamed.detection.assign_adaptive import adaptive_assign
from mambamed.detection.geometry.overlap import rotated_iou
from mambamed.detection.networks.priors import grid_priors
from mambamed.errors import BadRequestError


def _by_the_paper(priors: torch.Tensor, levels: torch.Tensor, objects: torch.Tensor, per_level: int) -> list[int]:
    overlaps = rotated_iou(objects, priors)
    best = [0.0] * len(priors)
    index = [0] * len(priors)
    for number, (cx, cy, w, h, angle) in enumerate(objects.tolist()):
        near: list[int] = []
        for level in sorted(set(levels.tolist())):
            places = [place for place in range(len(priors)) if levels[place] == level]
            distance = {place: math.dist((cx, cy), priors[place, :2].tolist()) for place in places}
            near += sorted(places, key=lambda place: distance[place])[:per_level]
        values = [float(overlaps[number, place]) for place in near]
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        for place, value in zip(near, values, strict=True):
            x, y = priors[place, 0].item() - cx, priors[place, 1].item() - cy
            along = x * math.cos(angle) + y * math.sin(angle)
            across = y * math.cos(angle) - x * math.sin(angle)
            inside = abs(along) <= w / 2 and abs(across) <= h / 2
            if inside and value >= mean + deviation and value > best[place]:
                best[place], index[place] = value, number + 1
    return index


def test_equals_the_algorithm_one_by_one() -> None:
    priors, levels = grid_priors([(9, 11), (5, 6), (3, 3)], (8, 16, 32))
    generator = torch.Generator().manual_seed(3)
    low, high = torch.tensor([5.0, 5, 8, 4, -0.7]), torch.tensor([80.0, 65, 50, 20, 2.3])
    objects = low + (high - low) * torch.rand(14, 5, generator=generator)
    found = adaptive_assign(priors=priors, levels=levels, gt_boxes=objects, gt_labels=torch.arange(14), per_level=5)
    assert found.gt_index.tolist() == _by_the_paper(priors, levels, objects, 5)
    assert int((found.gt_index > 0).sum()) > 5
    positive = found.gt_index > 0
    assert torch.equal(found.labels[positive], found.gt_index[positive] - 1)


def test_fewer_priors_than_asked_for_and_no_objects() -> None:
    priors, levels = grid_priors([(1, 1)], (8,))
    one = torch.tensor([[0.0, 0.0, 30.0, 30.0, 0.0]])
    assert adaptive_assign(
        priors=priors, levels=levels, gt_boxes=one, gt_labels=torch.tensor([0])
    ).gt_index.tolist() == [1]
    none = adaptive_assign(
        priors=priors, levels=levels, gt_boxes=torch.zeros(0, 5), gt_labels=torch.zeros(0, dtype=torch.int64)
    )
    assert none.gt_index.tolist() == [0]


def test_refuses_no_priors_per_level() -> None:
    priors, levels = grid_priors([(2, 1)], (8,))
    with pytest.raises(BadRequestError, match="at least 1"):
        adaptive_assign(priors=priors, levels=levels, gt_boxes=priors, gt_labels=torch.zeros(2), per_level=0)
