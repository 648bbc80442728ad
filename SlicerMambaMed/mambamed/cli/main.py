"""Entry of the ``mambamed`` command: finds the verb, runs it, turns every error into one sentence and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from collections.abc import Sequence
from types import FrameType

from mambamed.jobs.failures import describe_failure
from mambamed.jobs.states import ExitCode
from mambamed.version import __version__

__all__ = ["VERBS", "main"]

VERBS = {
    "segment": "segment an image with a U-Mamba or nnU-Net model",
    "register": "align two volumes: rigid, affine or deformable, with DISA, MIND-SSC, LC2, NCC or Mattes",
    "emphysema": "measure and explain emphysema on a chest CT",
    "detect": "find oriented tiny objects on a picture or on the slices of a volume",
    "batch": "carry out one task for many cases",
    "train": "train a model on your own cases",
    "evaluate": "score results against references",
    "compare": "train several networks on the same folds and compare them",
    "job": "look at, follow, cancel, resume or run a job directory",
    "models": "list the models, show a model's card, check a model folder",
    "doctor": "say what this machine can do, what is missing and how to get it",
    "demo": "segment a real brain MR that comes with the installation",
    "bench": "measure the speed of the scan, of segmentation and of registration here",
    "engine": "run the warm engine process (used by 3D Slicer)",
}
"""Verb to its one-line help; the verb's code is ``mambamed.cli.<verb>``."""

_EXIT_CODES = "exit codes: 0 done, 1 failed, 2 bad request, 130 cancelled"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (``sys.argv`` by default) and return its exit code, a value of ``ExitCode``."""
    words = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in words if not word.startswith("-")), "")
    parser = _build_parser(verb)
    try:
        arguments = parser.parse_args(words)
    except SystemExit as ended:  # argparse has printed help (0) or what is wrong (2)
        return int(ended.code or 0)
    if arguments.verb is None:
        parser.print_help()
        return int(ExitCode.BAD_REQUEST)
    try:
        with _endings_interrupt():
            return int(importlib.import_module(f"mambamed.cli.{arguments.verb}").run(arguments))
    except BrokenPipeError:  # the reader of our output (`| head`) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return int(ExitCode.DONE)
    except BaseException as error:
        failure = describe_failure(error)
        print(f"mambamed: {failure.message}", file=sys.stderr)
        if arguments.traceback and failure.details:
            print(failure.details, file=sys.stderr)
        return int(failure.exit_code)


@contextlib.contextmanager
def _endings_interrupt() -> Iterator[None]:
    """Treat a request to end (a batch scheduler, a closed terminal) like Ctrl-C, so that running jobs are cancelled."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    in_main_thread = threading.current_thread() is threading.main_thread()
    # One that is ignored (nohup) or already handled stays as it is.
    taken = [number for number in numbers if in_main_thread and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _build_parser(verb: str) -> argparse.ArgumentParser:
    """Return the parser with the arguments of ``verb`` alone, so that no other verb's code is imported."""
    parser = argparse.ArgumentParser(
        prog="mambamed",
        description="State-space models for medical images. Not for clinical use.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"mambamed {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show the technical background of an error")
    verbs = parser.add_subparsers(dest="verb", metavar="command")
    for name, help_line in VERBS.items():
        subparser = verbs.add_parser(
            name, help=help_line, description=help_line[0].upper() + help_line[1:] + ".", epilog=_EXIT_CODES
        )
        if name == verb:
            importlib.import_module(f"mambamed.cli.{name}").add_arguments(subparser)
    return parser
