"""Running one job for a command: in the foreground with its results delivered, or in the background."""

from __future__ import annotations

import json
from pathlib import Path

from mambamed.cli.delivery import Delivery
from mambamed.cli.job import run_in_foreground
from mambamed.cli.launch_options import prefix_words
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.launch import start_detached_job
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.jobs.status import JobStatus

__all__ = ["JobFailedError", "raise_unless_done", "run_and_deliver", "start_in_background"]


class JobFailedError(MambaMedError):
    """A job has failed in its own process; the traceback from there is the cause's text."""

    def __init__(self, message: str, details: str) -> None:
        super().__init__(message)
        self.__cause__ = RuntimeError(details) if details else None


class _JobRefusedError(JobFailedError, BadRequestError):
    """A job was refused by the engine as a bad request."""


def raise_unless_done(status: JobStatus) -> None:
    """Turn the end of a job that did not end well into the error that a command reports.

    Raises:
        JobCancelledError: it was cancelled.
        MambaMedError: it failed (``BadRequestError`` if the request was bad).
    """
    if status.state is JobState.CANCELLED:
        raise JobCancelledError("The job was cancelled.")
    if status.state is not JobState.DONE:
        kind = _JobRefusedError if status.exit_code is ExitCode.BAD_REQUEST else JobFailedError
        raise kind(status.message, status.details)


def run_and_deliver(
    request: JobRequest,
    delivery: Delivery,
    keep_job_in: Path | None = None,
    quiet: bool = False,
    engine: Engine | None = None,
) -> tuple[JobStatus, dict[str, Path]]:
    """Run a job to its end, with progress in the terminal, and deliver its files.

    Args:
        request: what to do.
        delivery: where the files go.
        keep_job_in: new folder for the job directory; a temporary one beside the output if ``None``.
        quiet: draw no progress.
        engine: a warm engine; a new one for this job if ``None``.

    Returns:
        The final status and the delivered files by name.

    Raises:
        MambaMedError: the job did not end well; nothing is delivered.
        KeyboardInterrupt: the user interrupted; the job is cancelled, nothing is delivered.
    """
    own_engine = engine if engine is not None else Engine()
    try:
        with delivery.job_directory(keep_job_in) as job:
            job.create(request)
            status = run_in_foreground(job, own_engine, quiet)
            raise_unless_done(status)
            return status, delivery.deliver(job, keep=keep_job_in is not None)
    finally:
        if engine is None:
            own_engine.close()


def start_in_background(
    request: JobRequest, directory: Path, as_json: bool, launch_prefix: str = "", launch_python: str = ""
) -> ExitCode:
    """Start a job detached and say how to follow it."""
    prefix = prefix_words(launch_prefix)
    job = JobDirectory(directory).create(request)
    identity = start_detached_job(job, python=launch_python, command_prefix=prefix)
    if as_json:
        print(json.dumps({"state": JobState.QUEUED.value, "directory": str(job.path), "pid": identity.pid}))
    else:
        print(f"Started as process {identity.pid}. Follow it with: mambamed job follow {job.path}")
    return ExitCode.DONE
