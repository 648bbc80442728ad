"""Evaluation as plain loops over pure Python polygons: the slow computation that the tests compare with."""

from __future__ import annotations

import math
import random

from mambamed.detection import OrientedBox
from mambamed.detection.annotations import AnnotatedObject

Objects = dict[str, list[AnnotatedObject]]
Found = dict[str, list[OrientedBox]]
Points = list[tuple[float, float]]


def random_case(seed: int) -> tuple[Objects, Found]:
    """Return images with crowded objects, and boxes moved from them, doubled, missing and invented."""
    generator = random.Random(seed)
    objects: Objects = {}
    found: Found = {}
    for image in range(4):
        items, boxes = [], []
        for _ in range(0 if image == 3 else 14):
            centre = generator.uniform(0, 90), generator.uniform(0, 90)
            size, angle = (generator.uniform(12, 30), generator.uniform(6, 14)), generator.uniform(-0.7, 2.3)
            box = OrientedBox(*centre, *size, angle, generator.choice(["nodule", "vessel"]))
            items.append(AnnotatedObject(box, difficult=generator.random() < 0.2))
            for _ in range(generator.choice([0, 1, 1, 1, 2])):
                moved = generator.choice([0.02, 0.4, 1.2])
                label = box.label if generator.random() < 0.9 else "vessel"
                boxes.append(
                    OrientedBox(
                        box.cx + generator.gauss(0, moved),
                        box.cy + generator.gauss(0, moved),
                        box.w * math.exp(generator.gauss(0, 0.08 * moved)),
                        box.h * math.exp(generator.gauss(0, 0.08 * moved)),
                        box.angle_rad + generator.gauss(0, 0.05 * moved),
                        label,
                        generator.uniform(0.3, 1),
                    )
                )
        for _ in range(3):
            centre = generator.uniform(0, 90), generator.uniform(0, 90)
            boxes.append(OrientedBox(*centre, 20, 9, 0.3, generator.choice(["nodule", "vessel"]), generator.random()))
        objects[f"image {image}"] = items
        found[f"image {image}"] = boxes
    return objects, found


def slow_average_precision(objects: Objects, found: Found, label: str, threshold: float, rule: str) -> float:
    """Return the average precision as VOC describes it: recall and precision after every box."""
    count = sum(item.box.label == label and not item.difficult for items in objects.values() for item in items)
    recalls, precisions, hits, false = [], [], 0, 0
    for verdict in _verdicts(objects, found, label, threshold, lowest_score=0.0):
        hits, false = hits + (verdict == "hit"), false + (verdict == "false")
        recalls.append(hits / count)
        precisions.append(hits / max(hits + false, 1))
    if rule == "07":
        tenths = [tenth / 10 for tenth in range(11)]
        return sum(
            max((p for r, p in zip(recalls, precisions, strict=True) if r >= tenth - 1e-12), default=0.0)
            for tenth in tenths
        ) / len(tenths)
    area, before = 0.0, 0.0
    for index, recall in enumerate(recalls):
        area += (recall - before) * max(precisions[index:])
        before = recall
    return area


def slow_operating_point(objects: Objects, found: Found, threshold: float, lowest_score: float) -> tuple[int, int]:
    """Return hits and false boxes of all labels when only boxes with at least a score count."""
    verdicts = [
        verdict
        for label in ("nodule", "vessel", "tug")
        for verdict in _verdicts(objects, found, label, threshold, lowest_score)
    ]
    return verdicts.count("hit"), verdicts.count("false")


def _verdicts(objects: Objects, found: Found, label: str, threshold: float, lowest_score: float) -> list[str]:
    boxes = [(box.score, image, box) for image in found for box in found[image] if box.label == label]
    boxes = sorted((entry for entry in boxes if entry[0] >= lowest_score), key=lambda entry: -entry[0])
    taken: set[tuple[str, int]] = set()
    verdicts = []
    for _, image, box in boxes:
        best, place, difficult = -1.0, -1, False
        for position, item in enumerate(objects[image]):
            overlap = polygon_iou(box, item.box) if item.box.label == label else -1.0
            if overlap > best:
                best, place, difficult = overlap, position, item.difficult
        if best <= threshold:
            verdicts.append("false")
        elif difficult:
            verdicts.append("ignored")
        else:
            verdicts.append("false" if (image, place) in taken else "hit")
            taken.add((image, place))
    return verdicts


def polygon_iou(first: OrientedBox, second: OrientedBox) -> float:
    """Return the overlap of two boxes by cutting one polygon with the other's edges."""
    points: Points = list(first.corners())
    corners = second.corners()
    for index in range(4):
        points = _cut(points, corners[index], corners[(index + 1) % 4])
    common = _area(points)
    return common / (_area(list(first.corners())) + _area(list(corners)) - common)


def _cut(points: Points, start: tuple[float, float], end: tuple[float, float]) -> Points:
    """Keep the part of a polygon to the side of an edge on which the box lies."""

    def side(point: tuple[float, float]) -> float:
        return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])

    kept: Points = []
    for index, point in enumerate(points):
        before = points[index - 1]
        here, there = side(point), side(before)
        if (here >= 0) != (there >= 0):
            share = there / (there - here)
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if here >= 0:
            kept.append(point)
    return kept


def _area(points: Points) -> float:
    return abs(sum(points[i - 1][0] * points[i][1] - points[i][0] * points[i - 1][1] for i in range(len(points)))) / 2
