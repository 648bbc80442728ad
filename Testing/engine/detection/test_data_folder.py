"""Folders of annotated images in each form, and what is wrong with those that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.detection.data_folder import read_data_folder
from mambamed.errors import BadRequestError

_CORNERS = (10.0, 20.0, 30.0, 20.0, 30.0, 28.0, 10.0, 28.0)


def _folder(tmp_path: Path, names: tuple[str, ...] = ("a", "b")) -> Path:
    (tmp_path / "images").mkdir()
    for name in names:
        image = sitk.GetImageFromArray(np.zeros((40, 50), np.uint8))
        sitk.WriteImage(image, str(tmp_path / "images" / f"{name}.png"))
    return tmp_path


def _write(folder: Path, place: str, texts: dict[str, str]) -> None:
    (folder / place).mkdir()
    for name, text in texts.items():
        (folder / place / name).write_text(text, encoding="utf-8")


def _dota(folder: Path) -> None:
    _write(folder, "labelTxt", {"a.txt": " ".join(map(str, _CORNERS)) + " ship 0\n", "b.txt": ""})


def _yolo(folder: Path) -> None:
    shares = [value / (40 if place % 2 else 50) for place, value in enumerate(_CORNERS)]
    _write(folder, "labels", {"a.txt": f"1 {' '.join(map(str, shares))}\n", "b.txt": ""})
    (folder / "classes.txt").write_text("plane\nship\n", encoding="utf-8")


def _hrsc(folder: Path) -> None:
    fields = {
        "Class_ID": "ship",
        "difficult": 0,
        "mbox_cx": 20,
        "mbox_cy": 24,
        "mbox_w": 20,
        "mbox_h": 8,
        "mbox_ang": 0,
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    text = f"<HRSC_Image><HRSC_Objects><HRSC_Object>{inner}</HRSC_Object></HRSC_Objects></HRSC_Image>"
    _write(folder, "Annotations", {"a.xml": text, "b.xml": "<HRSC_Image><HRSC_Objects/></HRSC_Image>"})


def _coco(folder: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "ship"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "segmentation": [list(_CORNERS)]}],
    }
    (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("form", [_dota, _yolo, _hrsc, _coco])
def test_every_form_gives_the_same(form, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    form(folder)
    first, second = read_data_folder(folder)
    assert (first.name, first.size, second.name, second.objects) == ("a", (50, 40), "b", ())
    (item,) = first.objects
    assert item.box.label == "ship"
    assert (item.box.cx, item.box.cy, item.box.w, item.box.h) == pytest.approx((20, 24, 20, 8), abs=1e-4)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    _write(folder, "labelTxt", {"a.txt": "1 2 3 ship 0\n"})
    with pytest.raises(BadRequestError) as caught:
        read_data_folder(folder)
    assert "a.txt, line 1" in str(caught.value)
    assert "b.txt" in str(caught.value)


def test_names_given_for_numbers(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    _yolo(folder)
    (folder / "classes.txt").unlink()
    assert read_data_folder(folder, ["car", "boat"])[0].objects[0].box.label == "boat"
    with pytest.raises(BadRequestError, match=r"classes\.txt"):
        read_data_folder(folder)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="no images"):
        read_data_folder(tmp_path)
    folder = _folder(tmp_path)
    with pytest.raises(BadRequestError, match="no annotations"):
        read_data_folder(folder)
    _coco(folder)
    (folder / "images" / "c.png").write_bytes((folder / "images" / "a.png").read_bytes())
    with pytest.raises(BadRequestError, match=r"does not name the image c\.png"):
        read_data_folder(folder)
    (folder / "images" / "a.jpg").write_bytes(b"no image")
    with pytest.raises(BadRequestError, match="several images called a"):
        read_data_folder(folder)
