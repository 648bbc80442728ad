"""Running one job for a command: in the foreground with its results delivered, or in the background."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mambamed.cli.delivery import Delivery
from mambamed.cli.following import follow_to_end
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

__all__ = [
    "JobFailedError",
    "add_background_arguments",
    "raise_unless_done",
    "run_and_deliver",
    "start_and_follow",
    "start_in_background",
    "train",
]


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


def add_background_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command whose job outlives the shell (``start_and_follow``)."""
    parser.add_argument("--detach", action="store_true", help="start in the background and return at once")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def start_and_follow(request: JobRequest, arguments: argparse.Namespace) -> JobDirectory | None:
    """Start a job that outlives this shell, and draw its progress until it has ended well.

    Args:
        request: what to do.
        arguments: ``output`` (the job's new folder), those of ``add_background_arguments``, and perhaps those of
            ``add_launch_arguments``; with a prefix or ``--detach`` the job is not followed.

    Returns:
        The job with its results, or ``None`` when it is not followed.

    Raises:
        MambaMedError: the job did not end well.
        FollowingEndedError: the user interrupted; the job goes on.
    """
    prefix = getattr(arguments, "launch_prefix", "")
    if arguments.detach or prefix:
        start_in_background(request, arguments.output, arguments.json, prefix, getattr(arguments, "launch_python", ""))
        return None
    job = JobDirectory(arguments.output).create(request)
    start_detached_job(job)
    raise_unless_done(follow_to_end(job, quiet=arguments.json))
    return job


def train(request: JobRequest, arguments: argparse.Namespace, result: str = "model") -> ExitCode:
    """Start a training that outlives this shell, follow it to its end and say where its result lies.

    Args:
        request: what to train.
        arguments: as for ``start_and_follow``.
        result: the file or folder in the job's outputs that it makes.
    """
    job = start_and_follow(request, arguments)
    if job is not None:
        name, path = Path(result).stem, str(job.outputs_folder / result)
        print(json.dumps({"state": JobState.DONE.value, name: path}) if arguments.json else f"{name}: {path}")
    return ExitCode.DONE


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
