from __future__ import annotations

import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from mambamed.errors import BadRequestError
from mambamed.jobs.engine import Engine
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState


@pytest.fixture
def engine(extra_tasks):
    with Engine(extra_tasks) as engine:
        yield engine


def final_states(job):
    return [event["state"] for event in job.events() if event["kind"] == "state" and JobState(event["state"]).is_final]


def assert_nothing_left(job, child=None):
    assert not job.partial_folder.exists()
    assert not job.outputs_folder.exists()
    assert job.result() is None
    if (job.path / "temporary.path").exists():
        assert not Path((job.path / "temporary.path").read_text(encoding="utf-8")).exists()
    if child is not None:
        assert not child.is_alive()


def test_done_job_has_outputs_record_and_log(engine, make_job):
    job = make_job("write_text", text="hello")
    assert engine.run(job.path) is JobState.DONE
    assert final_states(job) == ["done"]
    assert job.outputs["text"].read_text(encoding="utf-8") == "hello"
    assert not job.partial_folder.exists()
    record = job.result()
    assert record["settings"] == {"text": "hello"}
    assert record["warnings"] == ["read it with care"]
    assert record["metrics"] == {"loss": 0.25}
    assert record["durations_s"]["write"] <= record["durations_s"]["total"]
    assert record["versions"]["python"].count(".") == 2
    log = job.log_file.read_text(encoding="utf-8")
    for source in ("Python", "C", "a child"):
        assert f"printed by {source}\n" in log
    kinds = [event["kind"] for event in job.events()]
    assert kinds == ["state", "state", "progress", "warning", "metric", "result", "state"]


def test_second_job_runs_in_the_same_warm_worker(engine, make_job):
    jobs = [make_job("write_text", text="a"), make_job("write_text", text="b")]
    for job in jobs:
        engine.run(job.path)
    first, second = (job.result() for job in jobs)
    assert first["pid"] == second["pid"]
    assert (first["jobs_before"], second["jobs_before"]) == (0, 1)
    assert "printed by C" in jobs[1].log_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("task", ["wait_politely", "wait_stubbornly"])
def test_cancel_ends_the_process_tree_and_leaves_nothing(engine, make_job, child_of, wait_until, task):
    job = make_job(task)
    runner = threading.Thread(target=engine.run, args=(job.path,))
    runner.start()
    child = child_of(job)
    job.request_cancel()
    runner.join()
    assert job.state() is JobState.CANCELLED
    assert final_states(job) == ["cancelled"]
    if task == "wait_politely":
        assert engine.worker_pid is not None
        engine.close()
    assert engine.worker_pid is None
    wait_until(lambda: not child.is_alive())
    assert_nothing_left(job, child)


def test_engine_works_on_after_a_hard_cancel(engine, make_job, child_of):
    stubborn = make_job("wait_stubbornly")
    runner = threading.Thread(target=engine.run, args=(stubborn.path,))
    runner.start()
    child_of(stubborn)
    stubborn.request_cancel()
    runner.join()
    assert engine.run(make_job("write_text", text="next").path) is JobState.DONE


def test_worker_that_dies_leaves_a_failed_job_with_its_last_words(engine, make_job):
    job = make_job("die")
    assert engine.run(job.path) is JobState.FAILED
    status = job.status()
    assert status.message.startswith("The engine process ended unexpectedly (exit code 7)")
    assert "last words" in status.details
    assert final_states(job) == ["failed"]
    assert_nothing_left(job)


def test_killed_worker_is_noticed(engine, make_job, child_of, wait_until):
    job = make_job("wait_politely")
    runner = threading.Thread(target=engine.run, args=(job.path,))
    runner.start()
    child = child_of(job)
    os.kill(job.status().process.pid, signal.SIGKILL)
    runner.join()
    assert job.state() is JobState.FAILED
    assert "signal 9" in job.status().message
    os.kill(child.pid, signal.SIGKILL)  # an orphan in a session of its own, which no process table links to us


def test_refused_request_exits_2_with_its_sentence(engine, make_job):
    job = make_job("refuse")
    assert engine.run(job.path) is JobState.FAILED
    status = job.status()
    assert status.message == "The volume is empty; choose another one."
    assert status.exit_code is ExitCode.BAD_REQUEST
    assert_nothing_left(job)


def test_unforeseen_error_has_a_sentence_and_the_traceback_as_details(engine, make_job):
    job = make_job("stumble")
    assert engine.run(job.path) is JobState.FAILED
    status = job.status()
    assert "ZeroDivisionError: division by zero" in status.message
    assert "Traceback" not in status.message
    assert "Traceback" in status.details
    assert status.exit_code is ExitCode.FAILED
    assert_nothing_left(job)


def test_worker_that_cannot_write_the_end_leaves_a_failed_job(engine, make_job):
    job = make_job("fill_the_disk")
    assert engine.run(job.path) is JobState.FAILED
    assert final_states(job) == ["failed"]
    assert "could not be written" in job.status().message
    assert_nothing_left(job)


def test_unknown_task_is_refused(engine, make_job):
    job = make_job("fly")
    assert engine.run(job.path) is JobState.FAILED
    assert 'no task "fly"' in job.status().message
    assert job.status().exit_code is ExitCode.BAD_REQUEST


def test_folder_without_request_is_refused(engine, tmp_path):
    with pytest.raises(BadRequestError, match=r"request\.json"):
        engine.run(tmp_path / "nothing")


def test_job_cancelled_before_it_started_never_runs(engine, make_job):
    job = make_job("write_text", text="never")
    job.request_cancel()
    assert engine.run(job.path) is JobState.CANCELLED
    assert_nothing_left(job)


def test_resumed_job_has_a_new_attempt(engine, make_job):
    job = make_job("refuse")
    engine.run(job.path)
    job.reopen()
    assert job.state() is JobState.QUEUED
    assert job.status().message == ""
    engine.run(job.path)
    assert job.status().attempt == 2
    assert final_states(job) == ["failed", "failed"]


class Served:
    """A warm engine in a process, driven as a host drives it."""

    def __init__(self, extra_tasks, *options):
        command = [sys.executable, "-m", "mambamed", "engine", *options]
        for definition in extra_tasks:
            command += ["--task", definition]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")

    def answer(self):
        return self.answers.get(timeout=60)


@pytest.fixture
def served(extra_tasks):
    served = Served(extra_tasks)
    yield served
    served.process.stdin.close()
    served.process.wait(60)
    served.process.stdout.close()


def test_served_engine_speaks_its_protocol(served, make_job, child_of):
    ready = served.answer()
    assert ready["event"] == "ready"
    assert ready["pid"] == served.process.pid
    done, waiting, never = make_job("write_text", text="x"), make_job("wait_politely"), make_job("write_text", text="y")
    for job in (done, waiting, never):
        served.order(command="run", directory=str(job.path))
    assert served.answer() == {"event": "started", "directory": str(done.path)}
    assert served.answer() == {"event": "finished", "directory": str(done.path), "state": "done", "message": ""}
    assert served.answer()["event"] == "started"
    child_of(waiting)
    served.order(command="cancel", directory=str(never.path))
    assert served.answer() == {"event": "finished", "directory": str(never.path), "state": "cancelled"}
    served.order(command="dance")
    assert served.answer()["event"] == "error"
    served.order(command="cancel", directory=str(waiting.path))
    assert served.answer()["state"] == "cancelled"
    served.order(command="shutdown")
    assert served.process.wait(60) == 0
    assert never.state() is JobState.CANCELLED


def test_served_engine_ends_with_its_host(served, make_job, child_of, wait_until):
    served.answer()
    job = make_job("wait_stubbornly")
    served.order(command="run", directory=str(job.path))
    child = child_of(job)
    served.process.stdin.close()
    assert served.process.wait(60) == 1
    assert job.state() is JobState.FAILED
    wait_until(lambda: not child.is_alive())
    assert_nothing_left(job, child)


def test_killed_engine_process_takes_its_worker_along(served, make_job, child_of, wait_until):
    served.answer()
    job = make_job("wait_politely")
    served.order(command="run", directory=str(job.path))
    child = child_of(job)
    served.process.kill()
    wait_until(lambda: job.state().is_final)
    status = job.status()
    assert status.state is JobState.FAILED
    assert status.message.startswith("The engine process ended unexpectedly")
    wait_until(lambda: not child.is_alive())
    assert job.settle() is JobState.FAILED
    assert final_states(job) == ["failed"]
    assert_nothing_left(job, child)


def test_serve_counts_a_bad_directory_as_failed(extra_tasks, tmp_path):
    from mambamed.jobs.server import serve

    orders = io.StringIO(json.dumps({"command": "run", "directory": str(tmp_path / "none")}) + "\n")
    answers = io.StringIO()
    assert serve(Engine(extra_tasks), orders, answers) is ExitCode.FAILED
    events = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert events[-1]["state"] == "failed"
    assert "request.json" in events[-1]["message"]
