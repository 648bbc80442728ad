from __future__ import annotations

import json
import math
import threading
from pathlib import Path

from mambamed.jobs.events import EventFollower
from mambamed.jobs.events import EventKind
from mambamed.jobs.events import EventLog


def test_events_come_back_in_order_with_their_time(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    log.append(EventKind.LOG, message="größer\nthan one line")
    log.append(EventKind.METRIC, name="loss", value=math.nan, step=1, path=Path("a"))
    first, second = log.read()
    assert first["message"] == "größer\nthan one line"
    assert second["value"] is None
    assert second["path"] == "a"
    assert first["t"] <= second["t"]
    assert log.read(after=1) == [second]


def test_half_written_last_line_waits_and_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(EventKind.LOG, message="whole")
    with path.open("ab") as stream:
        stream.write(b'{"t": 1, "kind": "lo')  # a writer was killed here
    follower = EventFollower(path)
    assert [event["message"] for event in follower.poll()] == ["whole"]
    assert follower.poll() == []
    log.append(EventKind.LOG, message="after")
    assert [event["message"] for event in follower.poll()] == ["after"]
    assert [event["message"] for event in log.read()] == ["whole", "after"]


def test_lines_that_are_no_events_are_skipped(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'[1]\nnonsense\n{"no": "kind"}\n\xff\xfe\n{"kind": "log", "message": "good"}\n')
    assert [event["message"] for event in EventLog(path).read()] == ["good"]


def test_no_file_means_no_events(tmp_path):
    assert EventLog(tmp_path / "none.jsonl").read() == []


def test_writers_at_the_same_time_do_not_mix_their_lines(tmp_path):
    path = tmp_path / "events.jsonl"

    def write(name):
        log = EventLog(path)
        for index in range(100):
            log.append(EventKind.METRIC, name=name, value=index, step=index)

    writers = [threading.Thread(target=write, args=(name * 50,)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) == 300
    for name in "abc":
        assert [line["value"] for line in lines if line["name"] == name * 50] == list(range(100))
