"""Jobs started through another command: on a cluster's node, on another machine."""

from __future__ import annotations

import json
import shlex
import sys

import pytest
from mambamed.cli.launch_options import prefix_words
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.launch import start_detached_job
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import JobState

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins for srun and ssh are shell scripts")

AWKWARD_NAME = "job $(touch hacked); x'y"


@pytest.fixture
def awkward_job(tmp_path):
    return JobDirectory(tmp_path / AWKWARD_NAME).create(JobRequest("write_text", settings={"text": "far away"}))


def write_script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_scheduler_gets_the_command_word_by_word(tmp_path, awkward_job, extra_tasks, wait_until):
    srun = write_script(tmp_path / "srun", f'echo "$1" > {shlex.quote(str(tmp_path / "options"))}; shift; exec "$@"')
    start_detached_job(awkward_job, command_prefix=[srun, "--gres=gpu:1"], extra_tasks=extra_tasks)
    wait_until(lambda: awkward_job.state().is_final)
    assert awkward_job.state() is JobState.DONE, awkward_job.log_tail()
    assert (tmp_path / "options").read_text(encoding="utf-8") == "--gres=gpu:1\n"


def test_the_shell_behind_ssh_takes_nothing_apart(tmp_path, awkward_job, extra_tasks, wait_until, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ssh = write_script(tmp_path / "ssh", 'shift; exec sh -c "$*"')
    start_detached_job(awkward_job, command_prefix=[ssh, "host"], extra_tasks=extra_tasks)
    wait_until(lambda: awkward_job.state().is_final)
    assert awkward_job.state() is JobState.DONE, awkward_job.log_tail()
    assert not (tmp_path / "hacked").exists()


def test_prefix_is_taken_apart_as_a_shell_would():
    assert prefix_words("srun --comment='two words'  --gres=gpu:1") == ["srun", "--comment=two words", "--gres=gpu:1"]
    assert prefix_words("") == []
    with pytest.raises(BadRequestError, match="cannot be taken apart"):
        prefix_words("srun 'x")


def test_resume_takes_a_prefix_and_other_settings(make_job, tmp_path, extra_tasks, wait_until, capsys):
    job = make_job("write_text", text="old", epochs=3)
    job.mark_failed("for the test")
    env = write_script(tmp_path / "here", 'exec "$@"')
    options = [word for definition in extra_tasks for word in ("--task", definition)]
    words = ["job", "resume", str(job.path), "--launch-prefix", env, *options]
    assert main([*words, "--set", "colour=blue"]) == 2
    assert "colour=blue" in capsys.readouterr().err
    assert main([*words, "--set", "text=new text", "--set", "epochs=7"]) == 0
    wait_until(lambda: job.state().is_final)
    assert job.outputs["text"].read_text(encoding="utf-8") == "new text"
    assert json.loads((job.path / "request.json").read_text(encoding="utf-8"))["settings"] == {
        "text": "new text",
        "epochs": 7,
    }


def test_stop_ends_a_job_that_nobody_has_started(make_job, capsys):
    job = make_job("write_text", text="x")
    assert main(["job", "stop", str(job.path)]) == 0
    assert job.state() is JobState.CANCELLED
    job.reopen()
    assert not job.stop_file.exists()
