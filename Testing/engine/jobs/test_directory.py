from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError
from mambamed.jobs import directory as directory_module
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.events import EventKind
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState


def run_as(job, process):
    job.append(EventKind.STATE, state=JobState.RUNNING, process=process.to_json())


@pytest.fixture
def dead_process():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    child.communicate()
    return identity


def test_new_job_is_queued(make_job):
    job = make_job("segment", step_size=0.5)
    assert job.state() is JobState.QUEUED
    assert job.request().settings == {"step_size": 0.5}
    assert job.result() is None
    assert job.outputs == {}
    assert job.log_tail() == ""


def test_folder_with_a_job_is_not_taken_twice(make_job):
    job = make_job("segment")
    with pytest.raises(BadRequestError, match="already holds a job"):
        JobDirectory(job.path).create(JobRequest(task="segment"))


def test_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequestError, match="cannot be written"):
        JobDirectory(tmp_path / "file" / "job").create(JobRequest(task="segment"))


def test_dead_process_means_failed_with_the_end_of_the_log(make_job, dead_process):
    job = make_job("segment")
    run_as(job, dead_process)
    job.append(EventKind.PROGRESS, stage="predicting", fraction=0.5, seconds_left=None)
    job.log_file.write_text("first\n" * 100 + "the last line\n")
    status = job.status()
    assert status.state is JobState.FAILED
    assert status.exit_code is ExitCode.FAILED
    assert status.message.startswith("The engine process ended unexpectedly")
    assert status.details.endswith("the last line")
    assert status.details.count("\n") < 25
    assert status.fraction == 0.5
    assert job.settle() is JobState.FAILED
    assert job.events()[-1]["state"] == "failed"
    assert job.status().message == status.message


def test_pid_of_another_process_is_not_taken_for_ours(make_job):
    job = make_job("segment")
    run_as(job, replace(ProcessIdentity.current(), started="another time"))
    assert job.state() is JobState.FAILED


def test_living_process_means_running(make_job):
    job = make_job("segment")
    run_as(job, ProcessIdentity.current())
    assert job.state() is JobState.RUNNING


def test_queued_job_whose_launcher_died_has_failed(make_job, dead_process):
    job = make_job("segment")
    job.append(EventKind.LOG, message="Started.", process=dead_process.to_json())
    assert job.state() is JobState.FAILED


def test_process_on_another_machine_is_judged_by_its_heartbeat(make_job, dead_process):
    job = make_job("segment")
    run_as(job, replace(dead_process, host="another machine"))
    assert job.state() is JobState.RUNNING
    job.heartbeat_file.touch()
    assert job.state() is JobState.RUNNING
    long_ago = time.time() - 3600
    os.utime(job.heartbeat_file, (long_ago, long_ago))
    assert job.state() is JobState.FAILED


def test_remote_job_that_does_not_answer_is_not_called_cancelled(make_job, monkeypatch):
    job = make_job("segment")
    run_as(job, replace(ProcessIdentity.current(), host="another machine"))
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(directory_module.time, "monotonic", lambda: next(clock))
    with pytest.raises(MambaMedError, match="another machine"):
        job.cancel()
    assert job.cancel_file.exists()


def test_first_final_state_of_an_attempt_counts(make_job):
    job = make_job("segment")
    job.mark_cancelled()
    job.mark_failed("too late")
    job.append(EventKind.STATE, state=JobState.DONE)
    assert job.state() is JobState.CANCELLED
    assert job.status().exit_code is ExitCode.CANCELLED
    assert job.status().message == ""


def test_cancelled_job_whose_process_died_is_cancelled(make_job, dead_process):
    job = make_job("segment")
    run_as(job, dead_process)
    job.cancel_file.touch()
    job.partial_folder.mkdir()
    assert job.state() is JobState.CANCELLED
    job.settle()
    assert job.events()[-1]["state"] == "cancelled"
    assert not job.partial_folder.exists()


def test_cancel_kills_a_process_that_does_not_listen(make_job, wait_until):
    job = make_job("segment")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    run_as(job, ProcessIdentity.of(child.pid))
    assert job.cancel(timeout_s=0.1) is JobState.CANCELLED
    assert child.wait(60) == -9


def test_done_and_running_jobs_do_not_resume(make_job):
    job = make_job("segment")
    with pytest.raises(BadRequestError, match="queued"):
        job.reopen()
    job.append(EventKind.STATE, state=JobState.DONE)
    with pytest.raises(BadRequestError, match="done"):
        job.reopen()


def test_outputs_outside_the_job_are_not_believed(make_job):
    job = make_job("segment")
    record = {"outputs": {"good": "outputs/a.csv", "bad": "../../secret", "worse": "/etc/passwd", "none": None}}
    job.record_file.write_text(json.dumps(record))
    assert job.outputs == {"good": (job.path / "outputs/a.csv").resolve()}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ('{"task": 3}', "JSON object"),
        ('{"task": "a", "schema_version": 99}', "schema version 99"),
        ('{"task": "a", "inputs": [{"name": "x"}]}', "inputs"),
        ('{"task": "a", "settings": []}', "settings"),
    ],
)
def test_request_that_is_none_is_refused(tmp_path, content, words):
    (tmp_path / "request.json").write_text(content)
    with pytest.raises(BadRequestError, match=words):
        JobRequest.read(tmp_path)


def test_request_comes_back_as_it_was_written(tmp_path):
    request = JobRequest(
        task="segment",
        inputs=[{"name": "T1", "path": "/data/größe.nii.gz", "sha256": None}],
        settings={"labels": ["grey matter"], "region_of_interest_lps_mm": None},
        output={"folder": "x"},
    )
    request.write(tmp_path)
    assert JobRequest.read(tmp_path) == request


def test_an_engine_that_notices_the_end_late_does_not_end_the_next_attempt(make_job):
    job = make_job("write_text")
    job.mark_failed("killed")
    job.reopen()
    output = job.partial_folder / "new.txt"
    job.partial_folder.mkdir()
    output.touch()
    job.mark_unexpected_end("signal 9", attempt=1)
    job.mark_cancelled(attempt=1)
    assert job.state() is JobState.QUEUED
    assert output.exists()
    job.mark_unexpected_end("signal 9", attempt=2)
    assert job.state() is JobState.FAILED
    assert not output.exists()
