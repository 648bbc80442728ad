"""Tiles of an image, the objects in them and the merging of what was found."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import AnnotatedObject
from mambamed.detection.tiling import Tile
from mambamed.detection.tiling import merge_tiles
from mambamed.detection.tiling import objects_in_tile
from mambamed.detection.tiling import tiles_of_image
from mambamed.errors import BadRequestError


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1023, 1025), (1024, 1848), (1849, 2673), (4000, 300)])
def test_tiles_cover_the_image_and_share_the_overlap(width: int, height: int) -> None:
    tiles = list(tiles_of_image(width, height))
    covered = np.zeros((height, width), dtype=bool)
    for tile in tiles:
        assert (tile.width, tile.height) == (min(width, 1024), min(height, 1024))
        assert 0 <= tile.x <= width - tile.width
        assert 0 <= tile.y <= height - tile.height
        covered[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = True
    assert covered.all()
    assert len(set(tiles)) == len(tiles)
    for starts in (sorted({tile.x for tile in tiles}), sorted({tile.y for tile in tiles})):
        assert all(after - before <= 824 for before, after in itertools.pairwise(starts))


def test_number_of_tiles() -> None:
    assert [tile.x for tile in tiles_of_image(1024, 10)] == [0]
    assert [tile.x for tile in tiles_of_image(1025, 10)] == [0, 1]
    assert [tile.x for tile in tiles_of_image(1848, 10)] == [0, 824]
    assert [tile.x for tile in tiles_of_image(1849, 10)] == [0, 824, 825]
    assert [(tile.x, tile.y) for tile in tiles_of_image(5, 4, side=3, overlap=1)] == [(0, 0), (2, 0), (0, 1), (2, 1)]


@pytest.mark.parametrize(("width", "side", "overlap"), [(0, 8, 2), (8, 0, 0), (8, 8, 8), (8, 8, -1)])
def test_impossible_tiles(width: int, side: int, overlap: int) -> None:
    with pytest.raises(BadRequestError):
        tiles_of_image(width, 8, side=side, overlap=overlap)


def _share_by_points(box: OrientedBox, tile: Tile, points: int = 400) -> float:
    """Return the share of a box's area in a tile by counting a grid of points: slow, with no polygon."""
    steps = (np.arange(points) + 0.5) / points - 0.5
    along, across = np.meshgrid(steps * box.w, steps * box.h)
    x = box.cx + along * math.cos(box.angle_rad) - across * math.sin(box.angle_rad)
    y = box.cy + along * math.sin(box.angle_rad) + across * math.cos(box.angle_rad)
    inside = (x >= tile.x) & (x <= tile.x + tile.width) & (y >= tile.y) & (y <= tile.y + tile.height)
    return float(inside.mean())


def test_objects_of_a_tile_agree_with_counting() -> None:
    generator = random.Random(3)
    tile, seen = Tile(50, 20, 100, 80), {"whole": 0, "cut": 0, "out": 0}
    for _ in range(150):
        angle = generator.uniform(-0.7, 2.3)
        centre = generator.uniform(30, 170), generator.uniform(0, 120)
        box = OrientedBox(*centre, generator.uniform(10, 40), generator.uniform(4, 10), angle, "ship")
        share = _share_by_points(box, tile)
        if abs(share - 0.7) < 0.005 or 0 < share < 0.005:
            continue  # counting decides nothing there
        found = objects_in_tile([AnnotatedObject(box)], tile)
        kind = "out" if share == 0 else "whole" if share > 0.7 else "cut"
        seen[kind] += 1
        assert [item.difficult for item in found] == {"out": [], "whole": [False], "cut": [True]}[kind]
        for item in found:
            assert (item.box.cx, item.box.cy) == (box.cx - 50, box.cy - 20)
            assert (item.box.w, item.box.h, item.box.angle_rad) == (box.w, box.h, box.angle_rad)
    assert min(seen.values()) > 10


def test_difficult_and_whole_objects_stay_so() -> None:
    tile = Tile(0, 0, 1024, 1024)
    inside = AnnotatedObject(OrientedBox(500, 500, 7.3, 3.1, 0.4, "ship"))
    hard = AnnotatedObject(inside.box, difficult=True)
    assert objects_in_tile([inside, hard], tile, least_share=1) == [inside, hard]
    assert objects_in_tile([AnnotatedObject(OrientedBox(5, 5, 4, 0, 0, "line"))], tile) == []
    assert objects_in_tile([], tile) == []
    with pytest.raises(BadRequestError):
        objects_in_tile([inside], tile, least_share=1.5)


def test_cutting_and_merging_gives_the_objects_back() -> None:
    generator = random.Random(5)
    objects = []
    for row in range(12):
        for column in range(12):
            size = generator.uniform(8, 18), generator.uniform(4, 8)
            centre = 20 + 22 * column, 20 + 22 * row
            label, score = generator.choice(["ship", "plane"]), generator.uniform(0.1, 1)
            objects.append(OrientedBox(*centre, *size, generator.uniform(-0.7, 2.3), label, score))
    marked = [AnnotatedObject(box) for box in objects]
    found, several = [], 0
    for tile in tiles_of_image(290, 290, side=100, overlap=30):
        shown = [item.box for item in objects_in_tile(marked, tile) if not item.difficult]
        found.append((tile, shown))
        several += len(shown)
    assert several > len(objects)
    merged = merge_tiles(iter(found))
    expected = sorted(objects, key=lambda box: -box.score)
    assert len(merged) == len(expected)
    for one, other in zip(merged, expected, strict=True):
        assert (one.cx, one.cy) == pytest.approx((other.cx, other.cy))
        assert (one.w, one.h, one.angle_rad, one.label, one.score) == (
            other.w,
            other.h,
            other.angle_rad,
            other.label,
            other.score,
        )
    assert merge_tiles(found, maximum_kept=5) == merged[:5]


def test_merging_keeps_labels_apart_and_the_better_box() -> None:
    first = OrientedBox(90, 50, 20, 8, 0.1, "ship", 0.6)
    second = OrientedBox(11, 50, 20, 8, 0.1, "ship", 0.9)
    other = OrientedBox(10, 50, 20, 8, 0.1, "harbour", 0.3)
    found = [(Tile(0, 0, 100, 100), [first]), (Tile(80, 0, 100, 100), [second, other])]
    merged = merge_tiles(found)
    assert [(box.cx, box.cy, box.label, box.score) for box in merged] == [
        (91, 50, "ship", 0.9),
        (90, 50, "harbour", 0.3),
    ]
    assert len(merge_tiles(found, iou_threshold=1.0)) == 3
    assert merge_tiles([]) == []
    assert merge_tiles([(Tile(0, 0, 9, 9), [])]) == []
