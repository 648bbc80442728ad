"""SlicerMambaMedLib.Job and JobRunner, on real job directories and an engine whose process is a double."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.events import EventKind
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState
from modules.slicermambamed.doubles import FakeProcesses
from modules.slicermambamed.doubles import FakeStore
from modules.slicermambamed.doubles import FakeTimer


class Bench:
    """A runner with an engine that the test plays."""

    def __init__(self, folder: Path) -> None:
        from SlicerMambaMedLib.EngineProcess import EngineProcess
        from SlicerMambaMedLib.JobRunner import JobRunner
        from SlicerMambaMedLib.UserSettings import UserSettings

        self.settings = UserSettings(FakeStore())
        self.settings.jobsFolder = folder
        self.processes = FakeProcesses()
        self.engine = EngineProcess(self.processes)
        self.timer = FakeTimer()
        self.runner = JobRunner(self.engine, self.settings, self.timer)
        self.finished: list[JobState] = []

    def start(self):
        job = self.runner.start(JobRequest(task="segment"), self.runner.newJobFolder("segment"))
        job.finished.connect(self.finished.append)
        return job

    def write(self, job, kind: EventKind, **fields) -> None:
        """Write one event as the engine does."""
        JobDirectory(job.path).append(kind, **fields)

    def begin(self, job, process: ProcessIdentity | None = None) -> None:
        identity = process or ProcessIdentity.current()
        self.write(job, EventKind.STATE, state=JobState.RUNNING, process=identity.to_json())
        self.runner.poll()


@pytest.fixture
def bench(slicer_host, tmp_path):
    return Bench(tmp_path / "jobs")


def test_follows_progress_warnings_and_the_end(bench):
    job = bench.start()
    seen = []
    job.progressChanged.connect(lambda *values: seen.append(values))
    job.warningReceived.connect(seen.append)
    job.logReceived.connect(seen.append)
    job.metricReceived.connect(lambda *values: seen.append(values))
    bench.begin(job)
    assert job.state is JobState.RUNNING
    bench.write(job, EventKind.LOG, message="reading")
    bench.write(job, EventKind.PROGRESS, stage="windows", fraction=0.25, seconds_left=12.5)
    bench.write(job, EventKind.WARNING, message="coarse slices")
    bench.write(job, EventKind.METRIC, name="dice", value=0.9, step=3)
    bench.runner.poll()
    assert seen == ["reading", ("windows", 0.25, 12.5), "coarse slices", ("dice", 0.9, 3)]
    assert (job.stage, job.fraction, job.warnings) == ("windows", 0.25, ["coarse slices"])
    bench.write(job, EventKind.STATE, state=JobState.DONE)
    bench.runner.poll()
    bench.runner.poll()
    assert bench.finished == [JobState.DONE]
    assert bench.runner.jobs == []
    assert not bench.timer.isActive


def test_the_timer_runs_only_while_there_are_jobs(bench):
    assert not bench.timer.isActive
    job = bench.start()
    assert bench.timer.isActive
    bench.write(job, EventKind.STATE, state=JobState.DONE)
    bench.runner.poll()
    assert not bench.timer.isActive


def test_an_error_arrives_as_one_sentence_with_the_log_behind_it(bench):
    job = bench.start()
    bench.begin(job)
    (job.path / "engine.log").write_text("line 1\nline 2\n")
    bench.write(job, EventKind.ERROR, message="The volume is empty.", details="Traceback", exit_code=2)
    bench.write(job, EventKind.STATE, state=JobState.FAILED)
    bench.runner.poll()
    assert bench.finished == [JobState.FAILED]
    assert job.errorMessage == "The volume is empty."
    assert job.details() == "Traceback\n\nline 1\nline 2"


def test_a_job_whose_process_died_without_a_word_has_failed(bench):
    job = bench.start()
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessIdentity.of(worker.pid)
    bench.begin(job, identity)
    bench.runner.poll()
    assert bench.finished == []
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    end = time.monotonic() + 10
    while not bench.finished and time.monotonic() < end:
        bench.runner.poll()
        time.sleep(0.05)
    assert bench.finished == [JobState.FAILED]
    assert "ended unexpectedly" in job.errorMessage


def test_cancel_goes_to_the_engine_and_the_job_ends_when_the_engine_says_so(bench):
    job = bench.start()
    bench.processes.last.say(event="ready", pid=1)
    bench.begin(job)
    job.cancel()
    job.cancel()
    assert [message["command"] for message in bench.processes.last.written] == ["run", "cancel"]
    assert bench.finished == []
    bench.write(job, EventKind.STATE, state=JobState.CANCELLED)
    bench.runner.poll()
    assert bench.finished == [JobState.CANCELLED]


def test_a_job_that_does_not_listen_to_cancel_is_ended_by_force(bench, monkeypatch):
    job = bench.start()
    bench.processes.last.say(event="ready", pid=1)
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; "
            "time.sleep(60)']); print('up', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    deaf.stdout.readline()
    bench.begin(job, ProcessIdentity.of(deaf.pid))
    monkeypatch.setattr(type(bench.runner), "CANCEL_GRACE_S", 0.0)
    job.cancel()
    bench.runner.poll()
    assert bench.finished == [JobState.CANCELLED]
    assert deaf.wait(timeout=10) == -signal.SIGKILL
    deaf.stdout.close()


def test_an_engine_that_cannot_start_fails_the_job_with_the_cause(bench):
    job = bench.start()
    bench.processes.last.end(1, "Traceback (most recent call last):", "ModuleNotFoundError: No module named 'torch'")
    assert bench.finished == [JobState.FAILED]
    assert "No module named 'torch'" in job.errorMessage
    assert "Traceback" in job.details()


def test_when_the_engine_dies_its_job_fails_and_the_waiting_one_gets_a_new_engine(bench):
    first, second = bench.start(), bench.start()
    bench.processes.last.say(event="ready", pid=1)
    bench.processes.last.say(event="started", directory=str(first.path))
    bench.processes.last.end(-1)
    assert first.state is JobState.FAILED
    assert second.state is JobState.QUEUED
    assert len(bench.processes.made) == 2
    bench.processes.last.say(event="ready", pid=2)
    assert [message["directory"] for message in bench.processes.last.written] == [str(second.path)]
    bench.processes.last.end(-1)
    assert second.state is JobState.FAILED
    assert len(bench.processes.made) == 2


def test_a_waiting_job_is_cancelled_without_an_engine(bench):
    job = bench.start()
    bench.processes.last.end(0)
    assert job.state is JobState.FAILED
    other = bench.runner.attach(bench.runner.newJobFolder("segment"))
    other.finished.connect(bench.finished.append)
    JobDirectory(other.path).create(JobRequest(task="segment"))
    other.cancel()
    bench.runner.poll()
    assert bench.finished[-1] is JobState.CANCELLED


def test_finds_the_running_jobs_of_an_earlier_session_and_follows_them(bench):
    running = JobDirectory(bench.runner.newJobFolder("segment")).create(JobRequest(task="segment"))
    running.append(EventKind.STATE, state=JobState.RUNNING, process=ProcessIdentity.current().to_json())
    ended = JobDirectory(bench.runner.newJobFolder("segment")).create(JobRequest(task="segment"))
    ended.append(EventKind.STATE, state=JobState.DONE)
    other = JobDirectory(bench.runner.newJobFolder("other")).create(JobRequest(task="other"))
    other.append(EventKind.STATE, state=JobState.RUNNING, process=ProcessIdentity.current().to_json())
    (bench.settings.jobsFolder / "junk").mkdir()
    (bench.settings.jobsFolder / "junk" / "request.json").write_text("{")
    assert bench.runner.unattachedFolders("segment") == [running.path]
    job = bench.runner.attach(running.path)
    assert bench.runner.attach(running.path) is job
    assert bench.runner.unattachedFolders("segment") == []
    running.append(EventKind.PROGRESS, stage="windows", fraction=0.5, seconds_left=None)
    bench.runner.poll()
    assert job.fraction == 0.5


def test_job_folders_are_private_and_removed_unless_the_user_keeps_them(bench):
    job = bench.start()
    assert job.path.stat().st_mode & 0o077 == 0
    bench.runner.removeFolder(job)
    assert job.path.exists()
    bench.write(job, EventKind.STATE, state=JobState.DONE)
    bench.runner.poll()
    bench.settings.keepJobFolders = True
    bench.runner.removeFolder(job)
    assert job.path.exists()
    bench.settings.keepJobFolders = False
    bench.runner.removeFolder(job)
    assert not job.path.exists()


def test_a_job_folder_into_which_an_ending_process_still_writes_is_removed_all_the_same(bench, monkeypatch):
    from SlicerMambaMedLib import JobRunner

    job = bench.start()
    bench.write(job, EventKind.STATE, state=JobState.DONE)
    bench.runner.poll()
    remove = JobRunner.shutil.rmtree
    attempts = []

    def remove_with_a_late_writer(path, ignore_errors):
        remove(path, ignore_errors=ignore_errors)
        attempts.append(path)
        if len(attempts) < 3:
            path.mkdir()
            (path / "heartbeat").touch()

    monkeypatch.setattr(JobRunner.shutil, "rmtree", remove_with_a_late_writer)
    bench.runner.removeFolder(job)
    assert not job.path.exists()
    assert len(attempts) == 3
