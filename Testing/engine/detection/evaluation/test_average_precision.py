"""Average precision against hand-made cases and a slow computation of its own."""

from __future__ import annotations

import math

import pytest
import torch
from engine.detection.evaluation.evaluation_by_hand import random_case
from engine.detection.evaluation.evaluation_by_hand import slow_average_precision
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import AnnotatedObject
from mambamed.detection.evaluation import evaluate_average_precision
from mambamed.detection.evaluation.average_precision import IOU_THRESHOLDS
from mambamed.detection.evaluation.average_precision import average_precision
from mambamed.errors import BadRequestError


@pytest.mark.parametrize("rule", ["07", "all-point"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_agrees_with_a_slow_computation(rule: str, seed: int) -> None:
    objects, found = random_case(seed)
    result = evaluate_average_precision(objects, found, rule=rule)
    assert sorted(result.by_label) == ["nodule", "vessel"]
    every = []
    for label, values in result.by_label.items():
        slow = [slow_average_precision(objects, found, label, threshold, rule) for threshold in IOU_THRESHOLDS]
        assert values == pytest.approx(slow, abs=1e-12)
        assert result.object_count[label] == sum(
            item.box.label == label and not item.difficult for items in objects.values() for item in items
        )
        every.append(slow)
    assert result.ap50 == pytest.approx(sum(row[0] for row in every) / 2)
    assert result.ap75 == pytest.approx(sum(row[5] for row in every) / 2)
    assert result.mean == pytest.approx(sum(sum(row) for row in every) / 20)
    assert 0.05 < result.mean < result.ap50 < 0.95
    assert result.ap75 < result.ap50


def test_thresholds() -> None:
    assert pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]) == IOU_THRESHOLDS


def test_the_two_rules_on_a_curve_known_by_hand() -> None:
    hits = torch.tensor([True, False, True, False, False])
    # Precision 1 up to the recall 1/4, then 2/3 up to 1/2, then nothing.
    assert average_precision(hits, ~hits, 4, rule="all-point") == pytest.approx((1 + 2 / 3) / 4)
    assert average_precision(hits, ~hits, 4, rule="07") == pytest.approx((3 + 3 * 2 / 3) / 11)
    # A recall of exactly 3/10 counts for the recall 0.3.
    ones = torch.ones(3, dtype=torch.bool)
    assert average_precision(ones, ~ones, 10) == pytest.approx(4 / 11)
    none = torch.zeros(0, dtype=torch.bool)
    assert average_precision(none, none, 4) == average_precision(none, none, 4, rule="all-point") == 0
    assert math.isnan(average_precision(none, none, 0))
    with pytest.raises(BadRequestError, match="'12'"):
        average_precision(none, none, 4, rule="12")


def test_second_boxes_are_false_and_difficult_objects_do_not_count() -> None:
    box = OrientedBox(20, 20, 16, 6, 0.4, "ship")
    hard = OrientedBox(60, 20, 16, 6, 0.4, "ship")
    objects = {"a": [AnnotatedObject(box), AnnotatedObject(hard, difficult=True)], "b": []}
    found = [OrientedBox(20, 20, 16, 6, 0.4, "ship", 0.5)]
    on_hard = [OrientedBox(60, 20, 16, 6, 0.4, "ship", 0.9)] * 3
    other = [OrientedBox(20, 20, 16, 6, 0.4, "tug", 0.9)]
    assert evaluate_average_precision(objects, {"a": found + on_hard + other}).ap50 == 1
    assert evaluate_average_precision(objects, {"a": found * 2}, rule="all-point").ap50 == 1
    better_elsewhere = {"a": found, "b": [OrientedBox(20, 20, 16, 6, 0.4, "ship", 0.6)]}
    assert evaluate_average_precision(objects, better_elsewhere).ap50 == pytest.approx(0.5)
    assert evaluate_average_precision(objects, {}).mean == 0


def test_an_overlap_of_exactly_the_threshold_is_no_hit() -> None:
    objects = {"a": [AnnotatedObject(OrientedBox(8, 8, 8, 4, 0, "ship"))]}
    for shrink, hit in ((0.5, 0), (0.5625, 1)):
        found = {"a": [OrientedBox(8, 8, 8 * shrink, 4, 0, "ship", 0.9)]}
        assert evaluate_average_precision(objects, found).by_label["ship"][0] == hit


def test_nothing_to_find_and_wrong_images() -> None:
    empty = evaluate_average_precision({"a": []}, {"a": [OrientedBox(8, 8, 8, 4, 0, "ship", 0.9)]})
    assert empty.by_label == {}
    assert math.isnan(empty.ap50)
    hard = {"a": [AnnotatedObject(OrientedBox(8, 8, 8, 4, 0, "ship"), difficult=True)]}
    assert math.isnan(evaluate_average_precision(hard, {}).by_label["ship"][0])
    assert math.isnan(evaluate_average_precision(hard, {}).mean)
    for objects in ({"a": []}, hard):
        with pytest.raises(BadRequestError, match="'b'"):
            evaluate_average_precision(objects, {"b": []})
    with pytest.raises(BadRequestError, match="'2012'"):
        evaluate_average_precision({}, {}, rule="2012")
