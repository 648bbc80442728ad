from __future__ import annotations

import io

import pytest
from mambamed.cli.tables import format_table
from mambamed.cli.tables import read_volumes
from mambamed.cli.terminal import ProgressLine
from mambamed.cli.terminal import event_line
from mambamed.cli.terminal import format_duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


HALF = {"t": 0, "kind": "progress", "stage": "predicting", "fraction": 0.5, "seconds_left": 75.0}
WARNING = {"t": 0, "kind": "warning", "message": "coarse slices"}


def test_bar_is_drawn_again_on_one_line_and_removed_at_the_end():
    terminal = Terminal()
    line = ProgressLine(terminal)
    line.show(HALF)
    assert "[############............]  50% predicting, 1 min 15 s left" in terminal.getvalue()
    line.show(WARNING)
    line.show({**HALF, "seconds_left": None})
    line.close()
    assert "Warning: coarse slices\n" in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("\r")


def test_nothing_is_drawn_where_nobody_looks():
    stream = io.StringIO()
    line = ProgressLine(stream)
    line.show(HALF)
    line.close()
    assert stream.getvalue() == ""
    quiet = Terminal()
    ProgressLine(quiet, quiet=True).show(HALF)
    assert quiet.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min")]
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


def test_event_lines():
    assert event_line(HALF).endswith("progress:  50% predicting")
    metric = {"t": 0, "kind": "metric", "name": "loss", "value": 0.5, "step": 3}
    assert event_line(metric).endswith("loss = 0.5 (step 3)")
    assert event_line(WARNING).endswith("warning: coarse slices")


def test_table_aligns_text_left_and_numbers_right():
    lines = format_table(("Label", "ml"), [["Grey", 10.5], ["White matter", 3.25]]).splitlines()
    assert lines[0] == "Label           ml"
    assert lines[2] == "Grey          10.5"
    assert lines[3] == "White matter  3.25"


def test_volumes_are_read_with_their_types(tmp_path):
    (tmp_path / "v.csv").write_text("value,name,voxels,volume_ml\n1,Grey,10,1.5000\n")
    assert read_volumes(tmp_path / "v.csv") == [{"value": 1, "name": "Grey", "voxels": 10, "volume_ml": 1.5}]
