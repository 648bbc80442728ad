"""SlicerMambaMedLib.EngineProcess."""

from __future__ import annotations

from pathlib import Path

import pytest
from modules.slicermambamed.doubles import FakeProcesses
from SlicerMambaMedLib.EngineProcess import EngineProcess


@pytest.fixture
def processes():
    return FakeProcesses()


@pytest.fixture
def engine(processes):
    return EngineProcess(processes)


def test_starts_with_the_first_job_and_sends_it_when_the_engine_is_ready(engine, processes):
    engine.run(Path("/jobs/a"))
    engine.run(Path("/jobs/b"))
    assert len(processes.made) == 1
    assert processes.last.arguments == ["-m", "mambamed", "engine"]
    assert processes.last.written == []
    processes.last.say(event="ready", pid=7)
    assert [message["directory"] for message in processes.last.written] == ["/jobs/a", "/jobs/b"]
    engine.run(Path("/jobs/c"))
    assert processes.last.written[-1] == {"command": "run", "directory": "/jobs/c"}


def test_reports_what_the_engine_says(engine, processes):
    seen = []
    engine.ready.connect(lambda pid: seen.append(("ready", pid)))
    engine.jobStarted.connect(lambda directory: seen.append(("started", directory)))
    engine.jobFinished.connect(lambda directory, state: seen.append((state, directory)))
    engine.warmUp()
    processes.last.say(event="ready", pid=7)
    processes.last.say(event="started", directory="/jobs/a")
    processes.last.say(event="finished", directory="/jobs/a", state="done")
    assert seen == [("ready", 7), ("started", "/jobs/a"), ("done", "/jobs/a")]


@pytest.mark.parametrize("line", ["Hello", "[1]", '{"no": "event"}', '"text"', ""])
def test_a_line_that_is_not_of_the_protocol_does_no_harm(engine, processes, line, caplog):
    engine.warmUp()
    processes.last.lineReceived.emit(line)
    processes.last.say(event="ready", pid=1)
    engine.run(Path("/jobs/a"))
    assert len(processes.last.written) == 1


def test_an_engine_that_died_is_reported_and_started_anew(engine, processes):
    ends = []
    engine.stopped.connect(lambda wasReady, exitCode, lines: ends.append((wasReady, exitCode, lines)))
    engine.run(Path("/jobs/a"))
    processes.last.end(1, "Traceback", "ModuleNotFoundError: No module named 'torch'")
    assert ends == [(False, 1, ["Traceback", "ModuleNotFoundError: No module named 'torch'"])]
    assert not engine.isRunning
    engine.run(Path("/jobs/b"))
    processes.last.say(event="ready", pid=2)
    assert len(processes.made) == 2
    assert [message["directory"] for message in processes.last.written] == ["/jobs/b"]


def test_cancel_is_only_sent_to_a_running_engine(engine, processes):
    engine.cancel(Path("/jobs/a"))
    assert processes.made == []
    engine.run(Path("/jobs/a"))
    engine.cancel(Path("/jobs/a"))
    processes.last.say(event="ready", pid=1)
    assert [message["command"] for message in processes.last.written] == ["run", "cancel"]


def test_shutdown_asks_first_and_kills_what_does_not_listen(engine, processes):
    engine.warmUp()
    processes.last.say(event="ready", pid=1)
    engine.shutdown(waitMilliseconds=1)
    assert processes.last.written == [{"command": "shutdown"}]
    assert processes.last.inputIsClosed
    assert processes.last.wasKilled
