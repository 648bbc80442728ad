from __future__ import annotations

import json
import os

import numpy
import pytest
from mambamed.jobs.files import jsonable
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.files import write_text_atomically
from mambamed.jobs.states import JobState


def test_failed_write_keeps_the_old_content_and_leaves_nothing(tmp_path):
    path = tmp_path / "file.txt"
    write_text_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomically(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_written_files_have_ordinary_permissions(tmp_path):
    (tmp_path / "ordinary").touch()
    write_text_atomically(tmp_path / "ours", "text")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_values_of_all_kinds_become_strict_json(tmp_path):
    value = {
        1: (1, 2.5, None, True),
        "bad": float("inf"),
        "array": numpy.array([[1, 2]], dtype=numpy.uint8),
        "number": numpy.float32(0.5),
        "state": JobState.DONE,
        "path": tmp_path,
    }
    write_json_atomically(tmp_path / "a.json", value)
    read = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert read == {
        "1": [1, 2.5, None, True],
        "bad": None,
        "array": [[1, 2]],
        "number": 0.5,
        "state": "done",
        "path": str(tmp_path),
    }
    assert jsonable(numpy.float64(numpy.nan)) is None
