"""COCO's JSON with angles: the three ways to give a box, and hostile files."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import read_coco_json
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError

BOX = OrientedBox(40.0, 30.0, 20.0, 6.0, 0.5, "needle")
CONTENT: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a/one.png"}, {"id": 7, "file_name": "two.png"}],
    "categories": [{"id": 3, "name": "needle"}, {"id": 4, "name": "nodule"}],
    "annotations": [
        {"id": 11, "image_id": 1, "category_id": 3, "bbox": [40, 30, 20, 6, -math.degrees(0.5)]},
        {"id": 12, "image_id": 1, "category_id": 4, "bbox": [10, 20, 4, 8], "iscrowd": 1},
        {
            "id": 13,
            "image_id": 1,
            "category_id": 3,
            "bbox": [0, 0, 1, 1],
            "segmentation": [[value for corner in BOX.corners() for value in corner]],
        },
    ],
}


def _write(folder: Path, content: object) -> Path:
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def _assert_same(found: OrientedBox, expected: OrientedBox) -> None:
    assert found.label == expected.label
    numbers = [(b.cx, b.cy, b.w, b.h, b.angle_rad) for b in (found, expected)]
    assert numbers[0] == pytest.approx(numbers[1])


def test_three_ways_to_give_a_box(tmp_path: Path) -> None:
    found = read_coco_json(_write(tmp_path, CONTENT))
    assert list(found) == ["a/one.png", "two.png"]
    assert found["two.png"] == []
    turned, plain, outlined = found["a/one.png"]
    _assert_same(turned.box, BOX)
    _assert_same(outlined.box, BOX)
    _assert_same(plain.box, OrientedBox(12, 24, 8, 4, math.pi / 2, "nodule"))
    assert [item.difficult for item in (turned, plain, outlined)] == [False, True, False]


@pytest.mark.parametrize(("unit", "counterclockwise", "angle"), [("radians", False, 0.5), ("radians", True, -0.5)])
def test_other_ways_to_give_the_angle(tmp_path: Path, unit: str, counterclockwise: bool, angle: float) -> None:
    content = copy.deepcopy(CONTENT)
    content["annotations"][0]["bbox"][4] = angle
    found = read_coco_json(_write(tmp_path, content), angle_unit=unit, counterclockwise=counterclockwise)
    _assert_same(found["a/one.png"][0].box, BOX)
    with pytest.raises(BadRequestError, match="degrees or radians"):
        read_coco_json(tmp_path / "annotations.json", angle_unit="turns")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 2}, "annotation 12: the image_id 2"),
        ({"category_id": [3]}, "annotation 12: the category_id"),
        ({"bbox": [1, 2, 3]}, "annotation 12: there is neither"),
        ({"bbox": [1, 2, 3, math.nan]}, "annotation 12: there is neither"),
        ({"bbox": [1, 2, -3, 4]}, "annotation 12: the sides"),
        ({"bbox": [1, 2, 3, -4, 0]}, "annotation 12: the sides"),
        ({"bbox": [1, 2, 10**400, 4]}, "annotation 12: there is neither"),
        ({"bbox": None}, "annotation 12: there is neither"),
    ],
)
def test_a_fault_is_named_with_its_annotation(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = copy.deepcopy(CONTENT)
    content["annotations"][1].update(change)
    with pytest.raises(BadRequestError, match=message):
        read_coco_json(_write(tmp_path, content))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../two.png", "a/../../b.png", "C:\\x.png", "..\\x.png", "\\\\host\\x"]
)
def test_images_outside_their_folder_are_refused(tmp_path: Path, name: str) -> None:
    content = copy.deepcopy(CONTENT)
    content["images"][1]["file_name"] = name
    with pytest.raises(UnsafeFileError, match="outside"):
        read_coco_json(_write(tmp_path, content))


@pytest.mark.parametrize("content", [[], 3, {"images": []}, {**CONTENT, "annotations": [4]}, {**CONTENT, "images": {}}])
def test_other_json_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(BadRequestError, match="COCO"):
        read_coco_json(_write(tmp_path, content))


@pytest.mark.parametrize("images", [[{"id": 1, "file_name": "a"}] * 2, [{"id": 1}], [{"id": [1], "file_name": "a"}]])
def test_images_need_ids_and_names_of_their_own(tmp_path: Path, images: list[Any]) -> None:
    with pytest.raises(BadRequestError, match="images"):
        read_coco_json(_write(tmp_path, {**CONTENT, "images": images}))
    twice = [{"id": 1, "file_name": "a"}, {"id": 7, "file_name": "a"}]
    with pytest.raises(BadRequestError, match="same file name"):
        read_coco_json(_write(tmp_path, {**CONTENT, "images": twice}))


def test_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    for text in ("{", "[" * 100_000, "1" * 10_000):
        path.write_text(text)
        with pytest.raises(BadRequestError, match="JSON"):
            read_coco_json(path)
