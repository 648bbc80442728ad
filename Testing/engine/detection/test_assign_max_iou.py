"""Matching by the largest overlap, on boxes whose overlaps are known."""

from __future__ import annotations

import pytest
import torch
from mambamed.detection.assign_max_iou import max_iou_assign
from mambamed.errors import BadRequestError


def _squares(*shifts: float) -> torch.Tensor:
    """Squares of side 10 moved along x: the overlap with one at 0 is (10 - s) / (10 + s)."""
    return torch.tensor([[shift, 0.0, 10.0, 10.0, 0.0] for shift in shifts])


def test_object_background_and_between() -> None:
    # Overlaps 1, 0.667, 0.429, 0.333.
    found = max_iou_assign(priors=_squares(0, 2, 4, 5), gt_boxes=_squares(0), gt_labels=torch.tensor([7]))
    assert found.gt_index.tolist() == [1, 1, -1, 0]
    assert found.labels.tolist() == [7, 7, -1, -1]


def test_an_object_without_enough_overlap_takes_its_best_prior() -> None:
    found = max_iou_assign(priors=_squares(8, 30, -9), gt_boxes=_squares(0), gt_labels=torch.tensor([0]))
    assert found.gt_index.tolist() == [1, 0, 0]


def test_an_object_that_no_prior_touches_takes_none() -> None:
    found = max_iou_assign(priors=_squares(30, 60), gt_boxes=_squares(0), gt_labels=torch.tensor([0]))
    assert found.gt_index.tolist() == [0, 0]


def test_each_prior_takes_the_object_it_overlaps_most() -> None:
    found = max_iou_assign(priors=_squares(0, 3), gt_boxes=_squares(3, 0), gt_labels=torch.tensor([4, 5]))
    assert found.gt_index.tolist() == [2, 1]
    assert found.labels.tolist() == [5, 4]


def test_a_turned_object_is_compared_turned() -> None:
    priors = torch.tensor([[0.0, 0.0, 4.0, 20.0, 0.0], [0.0, 0.0, 20.0, 4.0, 0.0]])
    upright = torch.tensor([[0.0, 0.0, 20.0, 4.0, torch.pi / 2]])
    assert max_iou_assign(priors=priors, gt_boxes=upright, gt_labels=torch.tensor([0])).gt_index.tolist() == [1, 0]


def test_without_objects_all_is_background() -> None:
    empty = max_iou_assign(
        priors=_squares(0, 3), gt_boxes=torch.zeros(0, 5), gt_labels=torch.zeros(0, dtype=torch.int64)
    )
    assert empty.gt_index.tolist() == [0, 0]


def test_refuses_overlaps_out_of_order() -> None:
    with pytest.raises(BadRequestError, match="overlaps"):
        max_iou_assign(
            priors=_squares(0), gt_boxes=_squares(0), gt_labels=torch.tensor([0]), positive_iou=0.3, negative_iou=0.4
        )
