"""The free-response curve against hand-made cases and a slow computation of its own."""

from __future__ import annotations

import math

import pytest
from engine.detection.evaluation.evaluation_by_hand import random_case
from engine.detection.evaluation.evaluation_by_hand import slow_operating_point
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import AnnotatedObject
from mambamed.detection.evaluation import evaluate_free_response
from mambamed.errors import BadRequestError


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.75])
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_a_slow_computation(seed: int, threshold: float) -> None:
    objects, found = random_case(seed)
    found["image 3"].append(OrientedBox(5, 5, 8, 4, 0, "tug", 0.7))
    same = found["image 0"][0]
    found["image 3"].append(OrientedBox(50, 50, 8, 4, 0, "nodule", same.score))
    curve = evaluate_free_response(objects, found, iou_threshold=threshold)
    count = sum(not item.difficult for items in objects.values() for item in items)
    assert (curve.object_count, curve.image_count) == (count, 4)
    assert list(curve.scores) == sorted({box.score for boxes in found.values() for box in boxes}, reverse=True)
    points = [slow_operating_point(objects, found, threshold, score) for score in curve.scores]
    assert curve.sensitivity == pytest.approx([hits / count for hits, _ in points])
    assert curve.false_per_image == pytest.approx([false / 4 for _, false in points])
    for rate in (0.125, 0.5, 2.0, 8.0):
        expected = max((hits / count for hits, false in points if false / 4 <= rate), default=0.0)
        assert curve.sensitivity_at(rate) == pytest.approx(expected)
    usual = [curve.sensitivity_at(2.0**power) for power in range(-3, 4)]
    assert curve.mean_sensitivity == pytest.approx(sum(usual) / 7)
    assert usual[0] < usual[-1] < 1


def test_a_curve_known_by_hand() -> None:
    box = OrientedBox(20, 20, 16, 6, 0.4, "nodule")
    objects = {"a": [AnnotatedObject(box)], "b": [AnnotatedObject(box)]}
    hit = OrientedBox(20, 20, 16, 6, 0.4, "nodule", 0.5)
    false = OrientedBox(80, 80, 16, 6, 0.4, "nodule", 0.9)
    curve = evaluate_free_response(objects, {"a": [hit, false], "b": []})
    assert curve.scores == (0.9, 0.5)
    assert curve.sensitivity == (0, 0.5)
    assert curve.false_per_image == (0.5, 0.5)
    assert (curve.sensitivity_at(0.25), curve.sensitivity_at(0.5)) == (0, 0.5)
    assert curve.mean_sensitivity == pytest.approx(5 * 0.5 / 7)


def test_nothing_found_nothing_to_find_and_wrong_images() -> None:
    objects = {"a": [AnnotatedObject(OrientedBox(20, 20, 16, 6, 0.4, "nodule"))]}
    nothing = evaluate_free_response(objects, {})
    assert (nothing.scores, nothing.mean_sensitivity) == ((), 0)
    healthy = evaluate_free_response({"a": []}, {"a": [OrientedBox(8, 8, 8, 4, 0, "nodule", 0.9)]})
    assert healthy.false_per_image == (1,)
    assert math.isnan(healthy.sensitivity[0])
    assert math.isnan(healthy.mean_sensitivity)
    assert evaluate_free_response({"a": []}, {}).scores == ()
    with pytest.raises(BadRequestError, match="no images"):
        evaluate_free_response({}, {})
    with pytest.raises(BadRequestError, match="'b'"):
        evaluate_free_response(objects, {"b": []})
    with pytest.raises(BadRequestError, match=r"1\.5"):
        evaluate_free_response(objects, {}, iou_threshold=1.5)
