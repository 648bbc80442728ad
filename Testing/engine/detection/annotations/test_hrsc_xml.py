"""HRSC2016's XML: a real file, faults and hostile files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mambamed.detection import OrientedBox
from mambamed.detection.annotations import read_hrsc_xml
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError

OBJECT = """<HRSC_Object>
<Class_ID>7</Class_ID>
<difficult>1</difficult>
<mbox_cx>40.5</mbox_cx>
<mbox_cy>30</mbox_cy>
<mbox_w>6</mbox_w>
<mbox_h>20</mbox_h>
<mbox_ang>-0.25</mbox_ang>
</HRSC_Object>"""


def _write(folder: Path, objects: str, before: str = "") -> Path:
    path = folder / "image.xml"
    path.write_text(f"{before}<HRSC_Image>\n<HRSC_Objects>\n{objects}\n</HRSC_Objects>\n</HRSC_Image>\n")
    return path


@pytest.mark.shared_data
def test_a_file_of_the_data_set(shared_folder: Path) -> None:
    path = shared_folder / "data/oriented_detection/mmrotate/hrsc_annotation_only_100000006.xml"
    (found,) = read_hrsc_xml(path)
    assert not found.difficult
    assert found.box.label == "100000013"
    assert (found.box.cx, found.box.cy) == (341.2143, 443.3325)
    assert (found.box.w, found.box.h) == (778.4297, 178.2595)
    assert found.box.angle_rad == pytest.approx(math.pi - 1.122944)
    # The ship's head, marked in the file at (143, 776), lies along w: the angle goes from x towards y.
    head = math.atan2(776 - found.box.cy, 143 - found.box.cx)
    assert abs(head - found.box.angle_rad) < 0.2
    xs, ys = zip(*found.box.corners(), strict=True)
    # The upright box is drawn around the hull, which does not reach into the corners.
    assert (min(xs), max(xs)) == pytest.approx((119, 587), abs=50)
    assert (min(ys), max(ys)) == pytest.approx((75, 789), abs=50)


def test_fields_names_and_several_objects(tmp_path: Path) -> None:
    path = _write(tmp_path, OBJECT + "\n" + OBJECT.replace("<difficult>1</difficult>", ""), '<?xml version="1.0"?>\n')
    first, second = read_hrsc_xml(path, {"7": "ship", "8": "boat"})
    assert first.box == OrientedBox(40.5, 30, 20, 6, math.pi / 2 - 0.25, "ship")
    assert first.difficult
    assert second.box == first.box
    assert not second.difficult
    assert read_hrsc_xml(_write(tmp_path, "")) == []


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "image.xml"
    text = f"<HRSC_Image><HRSC_Objects>{OBJECT.replace('>7<', '>fähre<')}</HRSC_Objects></HRSC_Image>"
    for header, encoding in (
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ('<?xml version="1.0" encoding="latin-1"?>', "latin-1"),
    ):
        path.write_bytes((header + text).encode(encoding))
        assert [item.box.label for item in read_hrsc_xml(path)] == ["fähre"]
    path.write_bytes(b'<?xml version="1.0" encoding="rot13"?><HRSC_Image/>')
    with pytest.raises(BadRequestError, match=r"image\.xml, line 1"):
        read_hrsc_xml(path)


@pytest.mark.parametrize(
    ("found", "instead", "line", "message"),
    [
        ("40.5", "far", 6, "mbox_cx is 'far'"),
        ("40.5", "nan", 6, "mbox_cx is 'nan'"),
        ("40.5", "1e300", 6, "mbox_cx"),
        ("<mbox_w>6", "<mbox_w>-6", 8, "negative side"),
        (">1</diff", ">maybe</diff", 5, "difficulty"),
        (">7<", "><", 4, "Class_ID is empty"),
        (">7<", ">9<", 4, "'9' has no name"),
        ("<mbox_cy>30</mbox_cy>\n", "", 3, "lacks mbox_cy"),
        ("<mbox_cy>30</mbox_cy>", "<mbox_cx>3</mbox_cx>", 7, "mbox_cx twice"),
        ("</mbox_cy>", "</mbox_cz>", 7, "not XML"),
        ("<mbox_cy>30", "<mbox_cy>&unknown;", 7, "not XML"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path: Path, found: str, instead: str, line: int, message: str) -> None:
    assert found in OBJECT
    path = _write(tmp_path, OBJECT.replace(found, instead, 1))
    with pytest.raises(BadRequestError, match=message) as caught:
        read_hrsc_xml(path, {"7": "ship"})
    assert f"{path}, line {line}:" in str(caught.value)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n',
        '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>\n',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/outside.dtd">\n',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>\n',
    ],
)
def test_declarations_are_refused(tmp_path: Path, declaration: str) -> None:
    with pytest.raises(UnsafeFileError, match="line 1: the file declares"):
        read_hrsc_xml(_write(tmp_path, OBJECT, declaration))


def test_other_hostile_files(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFileError, match="nested deeper"):
        read_hrsc_xml(_write(tmp_path, "<a>" * 100_000))
    path = tmp_path / "large.xml"
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(UnsafeFileError, match="larger than"):
        read_hrsc_xml(path)
    path.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadRequestError, match="not XML"):
        read_hrsc_xml(path)
    path.write_text("<annotation/>")
    with pytest.raises(BadRequestError, match="outermost element is annotation"):
        read_hrsc_xml(path)
    with pytest.raises(BadRequestError, match=r"absent\.xml"):
        read_hrsc_xml(tmp_path / "absent.xml")
