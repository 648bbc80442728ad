"""DOTA's text files: a real one, round trips and faults."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import AnnotatedObject
from mambamed.detection.annotations import read_dota_text
from mambamed.detection.annotations import write_dota_text
from mambamed.detection.geometry import rotated_iou_pairs
from mambamed.errors import BadRequestError

GOOD = "1 1 5 1 5 3 1 3 ship 0"


def _tensor(boxes: list[OrientedBox]) -> torch.Tensor:
    return torch.tensor([[b.cx, b.cy, b.w, b.h, b.angle_rad] for b in boxes], dtype=torch.float64)


@pytest.mark.shared_data
def test_a_file_of_the_data_set(shared_folder: Path, tmp_path: Path) -> None:
    objects = read_dota_text(shared_folder / "data/oriented_detection/dota_devkit/labelTxt/P1888.txt")
    assert len(objects) == 64
    boxes = [item.box for item in objects]
    assert {box.label for box in boxes} == {"small-vehicle", "large-vehicle"}
    assert 5 < min(box.width for box in boxes) < max(box.length for box in boxes) < 80
    assert all(0 <= box.cx < 712 and 0 <= box.cy < 557 and -math.pi / 4 <= box.angle_rad < 2.36 for box in boxes)
    first = boxes[0]  # 674 375 683 375 684 394 675 395
    assert (first.cx, first.cy) == pytest.approx((679, 384.8), abs=0.7)
    assert (first.w, first.h) == pytest.approx((19.5, 9.5), abs=1)
    write_dota_text(tmp_path / "again.txt", objects)
    again = read_dota_text(tmp_path / "again.txt")
    assert [item.difficult for item in again] == [item.difficult for item in objects]
    assert (rotated_iou_pairs(_tensor(boxes), _tensor([item.box for item in again])) > 0.99).all()


def test_headers_empty_lines_and_difficulty(tmp_path: Path) -> None:
    path = tmp_path / "image.txt"
    path.write_bytes(
        b"\xef\xbb\xbfimagesource:GoogleEarth\r\ngsd:null\r\n\r\n1 1 5 1 5 3 1 3 ship 0\r\n"
        b"1.5 1 5.5 1 5.5 3 1.5 3 ship 1\r\n1 1 1 5 3 5 3 1 large-vehicle 2\r\n0 0 2 0 2 1 0 1 ship\r\n"
    )
    objects = read_dota_text(path)
    assert [item.difficult for item in objects] == [False, True, True, False]
    assert [item.box.label for item in objects] == ["ship", "ship", "large-vehicle", "ship"]
    assert objects[0].box == OrientedBox(3, 2, 4, 2, 0, "ship")
    upright = objects[2].box
    assert (upright.cx, upright.cy, upright.w, upright.h) == pytest.approx((2, 3, 4, 2))
    assert upright.angle_rad == pytest.approx(math.pi / 2)
    path.write_text("")
    assert read_dota_text(path) == []


def test_written_labels_have_no_spaces(tmp_path: Path) -> None:
    path = tmp_path / "image.txt"
    write_dota_text(path, [AnnotatedObject(OrientedBox(5, 5, 4, 2, 0, "lung nodule"), difficult=True)])
    assert path.read_text(encoding="utf-8") == "3.00 4.00 7.00 4.00 7.00 6.00 3.00 6.00 lung-nodule 1\n"
    with pytest.raises(BadRequestError, match="label"):
        write_dota_text(path, [AnnotatedObject(OrientedBox(5, 5, 4, 2, 0, " "))])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 1 5 1 5 3 ship 0", "8 words"),
        (GOOD + " 0", "11 words"),
        (GOOD[:-1] + "yes", "'yes'"),
        (GOOD.replace("3", "x"), "coordinates"),
        (GOOD.replace("3", "nan"), "coordinates"),
        (GOOD.replace("5", "inf"), "coordinates"),
        (GOOD.replace("5", "1e300"), "coordinates"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "image.txt"
    path.write_text(f"gsd:1\n{GOOD}\n{line}\n")
    with pytest.raises(BadRequestError, match=message) as caught:
        read_dota_text(path)
    assert f"{path}, line 3" in str(caught.value)


def test_files_that_are_not_text(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"absent\.txt"):
        read_dota_text(tmp_path / "absent.txt")
    (tmp_path / "binary.txt").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadRequestError, match="UTF-8"):
        read_dota_text(tmp_path / "binary.txt")
