"""``mambamed engine``: the warm engine process that a host such as 3D Slicer drives over standard input and output."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from mambamed.jobs.states import ExitCode
from mambamed.jobs.tasks import parse_extra_tasks

__all__ = ["add_arguments", "add_task_argument", "run"]


def add_task_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--task``: tasks of the user's own."""
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="NAME=MODULE:FUNCTION",
        help="add a task of your own: FUNCTION(request, job) in a Python module that can be imported",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of ``mambamed engine``."""
    add_task_argument(parser)
    parser.add_argument(
        "--preload",
        action="append",
        default=[],
        metavar="TASK",
        help="import this task at once, so that the first job starts sooner",
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--temporary", type=Path, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Serve orders until shutdown."""
    if arguments.worker:
        from mambamed.jobs.worker import run_worker

        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the engine then reports it as what it is, not as a cancel
        run_worker(parse_extra_tasks(arguments.task), arguments.preload, arguments.temporary)
    from mambamed.jobs.engine import Engine
    from mambamed.jobs.server import serve

    parse_extra_tasks(arguments.task)
    return serve(Engine(arguments.task, arguments.preload), sys.stdin, sys.stdout)
