"""YOLO's oriented boxes as text: real files, faults and hostile files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mambamed.detection.annotations import read_yolo_obb_text
from mambamed.errors import BadRequestError

GOOD = "1 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.3"
NAMES = ["plane", "ship"]


@pytest.mark.shared_data
def test_files_of_the_data_set(shared_folder: Path) -> None:
    folder = shared_folder / "data/oriented_detection/dota8/labels_yolo_obb"
    names = [f"class {number}" for number in range(15)]
    count = 0
    for path in sorted(folder.glob("*.txt")):
        objects = read_yolo_obb_text(path, image_size=(1024, 1024), class_names=names)
        lines = path.read_text(encoding="utf-8").splitlines()
        assert [item.box.label for item in objects] == [f"class {line.split()[0]}" for line in lines]
        for item, line in zip(objects, lines, strict=True):
            numbers = [1024 * float(word) for word in line.split()[1:]]
            xs, ys = numbers[0::2], numbers[1::2]
            assert (item.box.cx, item.box.cy) == pytest.approx((sum(xs) / 4, sum(ys) / 4), abs=6)
            doubled = sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(4))
            assert item.box.area >= abs(doubled) / 2 * 0.999
        count += len(objects)
    assert count > 4


def test_width_and_height_scale_x_and_y(tmp_path: Path) -> None:
    path = tmp_path / "image.txt"
    path.write_bytes(b"\xef\xbb\xbf" + f"{GOOD}\r\n\r\n0 0.1 0.1 0.2 0.1 0.2 1.1 0.1 1.1\r\n".encode())
    first, second = read_yolo_obb_text(path, image_size=(100, 50), class_names=NAMES)
    box = first.box
    assert (box.cx, box.cy, box.w, box.h, box.angle_rad) == pytest.approx((30, 10, 40, 10, 0))
    assert (box.label, second.box.label) == ("ship", "plane")
    box = second.box
    assert (box.cx, box.cy, box.w, box.h, box.angle_rad) == pytest.approx((15, 30, 50, 10, math.pi / 2))
    assert not first.difficult
    path.write_text("")
    assert read_yolo_obb_text(path, image_size=(100, 50), class_names=NAMES) == []
    with pytest.raises(BadRequestError, match="0 x 50 pixels"):
        read_yolo_obb_text(path, image_size=(0, 50), class_names=NAMES)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0.5 0.5 0.1 0.1 0.3", "6 words"),
        (GOOD + " 0.5", "10 words"),
        (GOOD.replace("1", "2", 1), "class is '2'"),
        (GOOD.replace("1", "-1", 1), "class is '-1'"),
        (GOOD.replace("1", "²", 1), "class is '²'"),
        (GOOD.replace("1", "9" * 10_000, 1), "class is '9"),
        (GOOD.replace("0.3", "x"), "eight numbers"),
        (GOOD.replace("0.3", "nan"), "eight numbers"),
        (GOOD.replace("0.5", "inf"), "eight numbers"),
        (GOOD.replace("0.5", "512"), "not pixels"),
        (GOOD.replace("0.5", "-1.5"), "not pixels"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "image.txt"
    path.write_text(f"{GOOD}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(BadRequestError, match=message) as caught:
        read_yolo_obb_text(path, image_size=(100, 50), class_names=NAMES)
    assert f"{path}, line 3:" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_files_that_are_not_text(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"absent\.txt"):
        read_yolo_obb_text(tmp_path / "absent.txt", image_size=(9, 9), class_names=NAMES)
    (tmp_path / "binary.txt").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadRequestError, match="UTF-8"):
        read_yolo_obb_text(tmp_path / "binary.txt", image_size=(9, 9), class_names=NAMES)
