"""Asks the engine, in the background, what this computer can do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from SlicerMambaMedLib.EngineInformation import EngineInformation
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.Text import tr as _

__all__ = ["EngineDoctor"]


class EngineDoctor:
    """Runs ``mambamed doctor --json`` (without measuring speeds) and keeps the answer for the session.

    Args:
        processFactory: makes the process (see ``PythonProcess``) for the interpreter in use.
    """

    ARGUMENTS = ("-m", "mambamed", "doctor", "--json", "--no-speed")

    def __init__(self, processFactory: Callable[[], Any]) -> None:
        self.examined = Signal("information")
        self.information: EngineInformation | None = None
        self._processFactory = processFactory
        self._process: Any = None

    @property
    def isRunning(self) -> bool:
        """Whether an examination is under way."""
        return self._process is not None

    def forget(self) -> None:
        """Drop what is known: another interpreter is in use, or packages were installed."""
        self.information = None
        self._process = None

    def examine(self) -> None:
        """Start an examination unless one is under way; ``examined`` follows, also when it fails."""
        if self._process is not None:
            return
        try:
            process = self._processFactory()
        except RuntimeError as error:
            self._conclude(EngineInformation(problem=str(error)))
            return
        self._process = process
        lines: list[str] = []
        process.lineReceived.connect(lines.append)
        process.finished.connect(lambda exitCode: self._onFinished(process, exitCode, lines))
        process.start(list(self.ARGUMENTS))

    def _onFinished(self, process: Any, exitCode: int, lines: list[str]) -> None:
        if process is not self._process:
            return
        self._process = None
        self._conclude(informationFromOutput(exitCode, lines, list(process.errorLines)))

    def _conclude(self, information: EngineInformation) -> None:
        self.information = information
        self.examined.emit(information)


def informationFromOutput(exitCode: int, lines: list[str], errorLines: list[str]) -> EngineInformation:
    """Make sense of what ``doctor`` printed, or of what went wrong."""
    try:
        report = json.loads("\n".join(lines))
    except ValueError:
        report = None
    if isinstance(report, dict):
        return EngineInformation.fromDoctor(report)
    lastLine = next((line.strip() for line in reversed(errorLines) if line.strip()), f"exit code {exitCode}")
    if "No module named" in lastLine:
        text = _("This Python lacks a package that the engine needs ({cause}).")
        return EngineInformation(problem=text.format(cause=lastLine))
    return EngineInformation(problem=_("The engine could not be examined: {cause}").format(cause=lastLine))
