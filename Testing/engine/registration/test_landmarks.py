"""Landmark files of 3D Slicer and tables, in both coordinate systems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mambamed.errors import BadRequestError
from mambamed.registration.landmarks import read_landmarks


def test_every_format_gives_lps(tmp_path: Path) -> None:
    expected = [(1.0, -2.0, 3.5), (4.0, 5.0, -6.0)]
    ras = [[-1.0, 2.0, 3.5], [-4.0, -5.0, -6.0]]
    texts = {
        "a.csv": "1,-2,3.5\n4,5,-6\n",
        "b.csv": "name,z,y,x\nfirst,3.5,-2,1\n\nsecond,-6,5,4\n",
        "c.csv": "left,back,up\n1,-2,3.5\n4,5,-6\n",
        "d.fcsv": "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = id,x,y,z\n"
        "1,1,-2,3.5,0,0,0,1,1,1,0,a,,\n2,4,5,-6,0,0,0,1,1,1,0,b,,\n",
        "e.fcsv": "# CoordinateSystem = 0\n" + "".join(f"i,{x},{y},{z},0\n" for x, y, z in ras),
        "f.mrk.json": json.dumps(
            {
                "markups": [
                    {
                        "coordinateSystem": "RAS",
                        "controlPoints": [
                            {"position": ras[0]},
                            {"position": [0, 0, 0], "positionStatus": "undefined"},
                            {"position": ras[1], "positionStatus": "defined"},
                        ],
                    }
                ]
            }
        ),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert read_landmarks(tmp_path / name) == expected, name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", ""),
        ("a.csv", "x,y\n1,2\n"),
        ("a.csv", "1,2,three\n"),
        ("a.csv", "1,2,nan\n"),
        ("a.mrk.json", "{"),
        ("a.mrk.json", "[]"),
        ("a.mrk.json", '{"markups": []}'),
        ("a.fcsv", "1,2\n"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadRequestError, match="landmarks"):
        read_landmarks(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="do not exist"):
        read_landmarks(tmp_path / "a.csv")
