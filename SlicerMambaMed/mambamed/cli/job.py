"""``mambamed job status|follow|stop|cancel|resume|run DIR``: orders to job directories, from any shell."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from mambamed.cli.engine import add_task_argument
from mambamed.cli.following import events_until_end
from mambamed.cli.launch_options import add_launch_arguments
from mambamed.cli.launch_options import prefix_words
from mambamed.cli.terminal import ProgressLine
from mambamed.cli.terminal import event_line
from mambamed.cli.terminal import format_duration
from mambamed.errors import BadRequestError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.engine import Engine
from mambamed.jobs.files import jsonable
from mambamed.jobs.launch import start_detached_job
from mambamed.jobs.request import JobRequest
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState
from mambamed.jobs.status import JobStatus

__all__ = ["add_arguments", "run", "run_in_foreground"]

_STOP_INTERVAL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the actions of ``mambamed job``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    for name, help_line in (
        ("status", "say how the job stands; exit code 0 unless it has failed (1, 2) or was cancelled (130)"),
        ("follow", "print what happens until the job ends; Ctrl-C stops following, not the job"),
        ("stop", "stop a training at its next safe point, so that it can go on from there (job resume)"),
        ("cancel", "end the job and everything it has started, at once"),
        ("resume", "start a cancelled or failed job again, detached"),
        ("run", "run a queued job to its end in this shell; Ctrl-C cancels it"),
    ):
        action = actions.add_parser(name, help=help_line, description=help_line[0].upper() + help_line[1:] + ".")
        action.add_argument("directory", type=Path, help="the job directory")
        action.add_argument("--json", action="store_true", help="print JSON for programs")
        if name in ("resume", "run"):
            add_task_argument(action)
        if name == "resume":
            action.add_argument(
                "--set",
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help="go on with another value of a setting, for example precision=float32; may be given several times",
            )
            add_launch_arguments(action)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Carry out the chosen action."""
    job = JobDirectory(arguments.directory)
    job.request()  # refuses a folder that is no job
    actions = {"status": _status, "follow": _follow, "stop": _stop, "cancel": _cancel, "resume": _resume, "run": _run}
    return actions[arguments.action](job, arguments)


def run_in_foreground(job: JobDirectory, engine: Engine, quiet: bool = False) -> JobStatus:
    """Run a queued job to its end, drawing its progress; Ctrl-C cancels it.

    Raises:
        KeyboardInterrupt: it was interrupted; the job is cancelled then.
    """
    follower = job.follower()
    line = ProgressLine(quiet=quiet)

    def draw() -> None:
        for event in follower.poll():
            line.show(event)

    try:
        engine.run(job.path, draw)
        draw()
    finally:
        line.close()
    return job.status()


def _status(job: JobDirectory, arguments: argparse.Namespace) -> ExitCode:
    job.settle()
    status = job.status()
    if arguments.json:
        print(json.dumps(_status_json(job, status)))
    else:
        print(_status_text(job, status))
    return status.exit_code or ExitCode.DONE


def _follow(job: JobDirectory, arguments: argparse.Namespace) -> ExitCode:
    for event in events_until_end(job):
        print(json.dumps(event) if arguments.json else event_line(event), flush=True)
    return job.status().exit_code or ExitCode.DONE


def _stop(job: JobDirectory, arguments: argparse.Namespace) -> ExitCode:
    state = job.settle()
    if not state.is_final:
        job.request_stop()
        while not (state := job.settle()).is_final:
            time.sleep(_STOP_INTERVAL_S)
    message = job.status().message
    if arguments.json:
        print(json.dumps({"state": state.value, "message": message}))
    else:
        print(f"The job is {state.value}.")
    return ExitCode.DONE if state is JobState.CANCELLED else ExitCode.FAILED


def _cancel(job: JobDirectory, arguments: argparse.Namespace) -> ExitCode:
    state = job.settle()
    already_ended = state.is_final
    if not already_ended:
        state = job.cancel()
    if arguments.json:
        print(json.dumps({"state": state.value}))
    else:
        print(f"The job had ended before: {state.value}." if already_ended else f"The job is {state.value}.")
    return ExitCode.DONE if state is JobState.CANCELLED else ExitCode.FAILED


def _resume(job: JobDirectory, arguments: argparse.Namespace) -> ExitCode:
    job.settle()
    prefix = prefix_words(arguments.launch_prefix)
    request = _with_changes(job.request(), arguments.set)
    job.reopen()
    request.write(job.path)
    identity = start_detached_job(
        job, python=arguments.launch_python, command_prefix=prefix, extra_tasks=arguments.task
    )
    if arguments.json:
        print(json.dumps({"state": JobState.QUEUED.value, "pid": identity.pid}))
    else:
        print(f"The job goes on as process {identity.pid}. Follow it with: mambamed job follow {job.path}")
    return ExitCode.DONE


def _with_changes(request: JobRequest, changes: list[str]) -> JobRequest:
    """Return the request with some settings changed; values are JSON, or else plain text.

    Raises:
        BadRequestError: a change has another form, or names a setting that the job has not.
    """
    settings = dict(request.settings)
    for change in changes:
        name, separator, text = change.partition("=")
        if not separator or name not in settings:
            raise BadRequestError(
                f"--set {change!r} changes no setting of this job; expected NAME=VALUE with one of: "
                f"{', '.join(sorted(settings))}."
            )
        try:
            settings[name] = json.loads(text)
        except ValueError:
            settings[name] = text
    return replace(request, settings=settings)


def _run(job: JobDirectory, arguments: argparse.Namespace) -> ExitCode:
    with Engine(arguments.task) as engine:
        status = run_in_foreground(job, engine, quiet=arguments.json)
    if arguments.json:
        print(json.dumps(_status_json(job, status)))
    elif status.state is JobState.FAILED:
        print(f"mambamed: {status.message}", file=sys.stderr)
    else:
        print(_status_text(job, status))
    return ExitCode.FAILED if status.exit_code is None else status.exit_code


def _status_json(job: JobDirectory, status: JobStatus) -> dict[str, Any]:
    content = jsonable({**asdict(status), "exit_code": None if status.exit_code is None else int(status.exit_code)})
    content["directory"] = str(job.path)
    content["outputs"] = {name: str(path) for name, path in job.outputs.items()}
    return dict(content)


def _status_text(job: JobDirectory, status: JobStatus) -> str:
    lines = [f"State: {status.state.value}"]
    if status.state is JobState.RUNNING:
        left = "" if status.seconds_left is None else f", {format_duration(status.seconds_left)} left"
        lines.append(f"Doing: {status.stage or 'starting'} ({status.fraction:.0%}{left})")
    if status.message:
        lines.append(f"Reason: {status.message}")
    if status.details:
        lines.append("Details:\n  " + status.details.rstrip().replace("\n", "\n  "))
    lines += [f"Warning: {message}" for message in status.warnings]
    lines += [f"Output {name}: {path}" for name, path in job.outputs.items()]
    return "\n".join(lines)
