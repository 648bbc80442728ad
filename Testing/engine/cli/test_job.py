from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from mambamed.cli.main import main
from mambamed.jobs.events import EventKind
from mambamed.jobs.launch import start_detached_job
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState


@pytest.fixture
def options(extra_tasks):
    return [word for definition in extra_tasks for word in ("--task", definition)]


def test_run_prints_the_outputs(make_job, options, capsys):
    job = make_job("write_text", text="hello")
    assert main(["job", "run", str(job.path), *options]) == ExitCode.DONE
    printed = capsys.readouterr()
    assert "State: done" in printed.out
    assert f"Output text: {job.outputs['text']}" in printed.out
    assert printed.err == "Warning: read it with care\n"  # no progress bar: this is no terminal


def test_run_for_programs(make_job, options, capsys):
    job = make_job("write_text", text="hello")
    assert main(["job", "run", str(job.path), "--json", *options]) == ExitCode.DONE
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "done"
    assert answer["exit_code"] == 0
    assert answer["outputs"] == {"text": str(job.outputs["text"])}
    assert answer["warnings"] == ["read it with care"]


@pytest.mark.parametrize(("task", "code"), [("refuse", 2), ("stumble", 1)])
def test_run_of_a_job_that_fails(make_job, options, capsys, task, code):
    job = make_job(task)
    assert main(["job", "run", str(job.path), *options]) == code
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["job", "status", str(job.path)]) == code
    assert "State: failed" in capsys.readouterr().out


def test_status_of_every_state(make_job, capsys):
    job = make_job("write_text")
    assert main(["job", "status", str(job.path)]) == ExitCode.DONE
    assert capsys.readouterr().out == "State: queued\n"
    job.append(EventKind.STATE, state=JobState.RUNNING)
    job.append(EventKind.PROGRESS, stage="predicting", fraction=0.5, seconds_left=100.0)
    assert main(["job", "status", str(job.path)]) == ExitCode.DONE
    assert "Doing: predicting (50%, 1 min 40 s left)" in capsys.readouterr().out
    job.mark_failed("It broke.", "first line\nsecond line", ExitCode.BAD_REQUEST)
    assert main(["job", "status", str(job.path)]) == ExitCode.BAD_REQUEST
    assert "Reason: It broke.\nDetails:\n  first line\n  second line" in capsys.readouterr().out


def test_cancel_follow_and_resume_from_another_shell(make_job, extra_tasks, options, child_of, capsys, wait_until):
    job = make_job("wait_politely")
    start_detached_job(job, extra_tasks=extra_tasks)
    child = child_of(job)
    assert main(["job", "cancel", str(job.path)]) == ExitCode.DONE
    assert capsys.readouterr().out == "The job is cancelled.\n"
    assert main(["job", "cancel", str(job.path), "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"state": "cancelled"}
    wait_until(lambda: not child.is_alive())
    assert main(["job", "follow", str(job.path), "--json"]) == ExitCode.CANCELLED
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events == job.events()
    (job.path / "child.pid").unlink()
    assert main(["job", "resume", str(job.path), *options]) == ExitCode.DONE
    assert "mambamed job follow" in capsys.readouterr().out
    child_of(job)
    assert job.cancel() is JobState.CANCELLED
    assert job.status().attempt == 2
    assert main(["job", "follow", str(job.path)]) == ExitCode.CANCELLED
    assert capsys.readouterr().out.rstrip().endswith("state: cancelled")


def test_done_job_neither_cancels_nor_resumes(make_job, capsys):
    job = make_job("write_text")
    job.append(EventKind.STATE, state=JobState.DONE)
    assert main(["job", "cancel", str(job.path)]) == ExitCode.FAILED
    assert "had ended before: done" in capsys.readouterr().out
    assert main(["job", "resume", str(job.path)]) == ExitCode.BAD_REQUEST


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_cancels_with_exit_code_130(make_job, options, child_of, wait_until, number):
    job = make_job("wait_stubbornly")
    command = [sys.executable, "-m", "mambamed", "job", "run", str(job.path), *options]
    # A program started in the background of a script inherits that Ctrl-C is ignored; ours shall hear it here.
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    child = child_of(job)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.CANCELLED
    assert errors == "mambamed: Cancelled.\n"
    assert job.state() is JobState.CANCELLED
    wait_until(lambda: not child.is_alive())
    assert not job.partial_folder.exists()
