"""The command line of the batches in Slicer: arguments that all have, packages, exit code."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.CaseBatch import SUMMARY_FILE
from SlicerMambaMedLib.Text import tr as _

__all__ = ["BAD_REQUEST", "DONE", "FAILED", "BatchCommand", "endWith"]

DONE, FAILED, BAD_REQUEST = 0, 1, 2


class BatchCommand:
    """One batch script.

    Args:
        program: name of the script's file.
        description: what it does, in a line.
        inputHelp: what ``--input`` may be.
        cases: what is worked on, in the plural, for the last line.
    """

    def __init__(self, program: str, description: str, inputHelp: str, cases: str = "cases") -> None:
        self._program = program
        self._cases = cases
        self.parser = argparse.ArgumentParser(prog=program, description=description)
        add = self.parser.add_argument
        add("--input", type=Path, required=True, help=inputHelp)
        add("--output", type=Path, required=True, help="folder for the results and summary.csv")
        add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
        add("--overwrite", action="store_true", help=f"do {cases} again that were done with other settings")
        add("--install", action="store_true", help="install missing Python packages without asking")

    def run(self, words: list[str], logic: Any, makeBatch: Callable[[argparse.Namespace], Any]) -> int:
        """Run the batch and return the exit code: 0 all done, 1 some failed, 2 nothing could be started.

        Args:
            words: the command line.
            logic: what does the work; its session ends with the batch.
            makeBatch: given the arguments, returns the ``CaseBatch``.
        """
        try:
            arguments = self.parser.parse_args(words)
        except SystemExit as ended:
            return int(ended.code or 0)
        try:
            _ensurePackages(logic.session, arguments.install)
            reports = makeBatch(arguments).run(arguments.input, arguments.output)
        except Exception as error:
            print(f"{Path(self._program).stem}: {error}", file=sys.stderr, flush=True)
            return BAD_REQUEST
        finally:
            logic.session.shutdown()
        failed = sum(report.state == "failed" for report in reports)
        summary = arguments.output / SUMMARY_FILE
        print(f"{len(reports) - failed} of {len(reports)} {self._cases} are done. Summary: {summary}")
        return FAILED if failed else DONE


def endWith(main: Callable[[list[str]], int]) -> None:
    """Run a script's main function and end the application with its exit code.

    An exception that reaches Slicer would only be printed, and the application would stay open.
    """
    try:
        exitCode = main(sys.argv[1:])
    except BaseException:
        traceback.print_exc()
        exitCode = FAILED
    slicer.util.exit(exitCode)


def _ensurePackages(session: Any, isInstallAllowed: bool) -> None:
    missing = session.missingPackages()
    if missing and isInstallAllowed:
        session.packages.confirm = lambda text, details, title: True
        session.packages.install()
    elif missing:
        names = ", ".join(package.name for package in missing)
        text = _("These Python packages are missing: {names}. Give --install, or install them in Slicer.")
        raise ValueError(text.format(names=names))
