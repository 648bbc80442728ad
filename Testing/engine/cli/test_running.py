"""A training goes on whatever becomes of the shell that started it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from mambamed.cli.main import main
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState

LONG = ["--steps", "1000000", "--scenes", "1", "--positions", "8", "--device", "cpu", "--threads", "1"]


@pytest.fixture
def shell_with_training(tmp_path, wait_until):
    """A command that trains, and its job, which runs."""
    job = JobDirectory(tmp_path / "job")
    command = [sys.executable, "-m", "mambamed", "train", "disa", "-o", str(job.path), *LONG]
    # A program started in the background of a script inherits that Ctrl-C is ignored; ours shall hear it here.
    shell = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: (job.path / "request.json").exists() or shell.poll() is not None)
    wait_until(lambda: job.state() is JobState.RUNNING or shell.poll() is not None)
    yield shell, job
    shell.kill()
    shell.wait()
    job.cancel()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_training_goes_on_without_its_shell(shell_with_training, number):
    shell, job = shell_with_training
    assert shell.poll() is None, shell.stderr.read()
    shell.send_signal(number)
    _, told = shell.communicate(timeout=60)
    if number == signal.SIGINT:
        assert shell.returncode == ExitCode.CANCELLED
        assert f"the job goes on. Follow it: mambamed job follow {job.path}" in told
    assert job.settle() is JobState.RUNNING
    assert job.status().process.is_alive()
    assert main(["job", "cancel", str(job.path)]) == ExitCode.DONE
    assert not job.status().process.is_alive()


def test_refused_training_is_reported_by_the_command(tmp_path, capsys):
    words = ["train", "emphysema-patterns", "--patches", str(tmp_path / "none.npz"), "-o", str(tmp_path / "job")]
    assert main(words) == ExitCode.BAD_REQUEST
    assert "none.npz" in capsys.readouterr().err
