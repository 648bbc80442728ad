"""The warm engine: one process that takes several jobs in turn and keeps its imports and the last model."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Protocol

from SlicerMambaMedLib.Signal import Signal

__all__ = ["EngineProcess", "LineProcess"]

_log = logging.getLogger("mambamed")


class LineProcess(Protocol):
    """What the engine needs of a process (``PythonProcess``, or a double in tests)."""

    lineReceived: Signal
    finished: Signal
    errorLines: Any

    @property
    def isRunning(self) -> bool:
        """Whether the process runs."""

    def start(self, arguments: list[str]) -> None:
        """Start it."""

    def writeLine(self, line: str) -> None:
        """Send it one line."""

    def closeInput(self) -> None:
        """Tell it that nothing more will come."""

    def waitForFinished(self, milliseconds: int) -> bool:
        """Block until it has ended."""

    def kill(self) -> None:
        """End it with all its children."""


class EngineProcess:
    """Speaks the engine's protocol: one JSON object per line each way.

    Commands: ``run`` and ``cancel`` with a job directory, ``shutdown``. Answers: ``ready``, ``started``, ``finished``.
    The process is started when the first job comes and started anew when it has died.

    Args:
        processFactory: makes the process; called each time that the engine has to be started.
    """

    ARGUMENTS = ("-m", "mambamed", "engine")

    def __init__(self, processFactory: Callable[[], LineProcess]) -> None:
        self.ready = Signal("pid")
        self.jobStarted = Signal("directory")
        self.jobFinished = Signal("directory", "state")
        self.stopped = Signal("wasReady", "exitCode", "errorLines")
        self._processFactory = processFactory
        self._process: LineProcess | None = None
        self._isReady = False
        self._waiting: list[dict[str, str]] = []

    @property
    def isRunning(self) -> bool:
        """Whether the engine process is starting or running."""
        return self._process is not None and self._process.isRunning

    def run(self, directory: Path) -> None:
        """Have the job in that directory run after those that were sent before; starts the engine if necessary."""
        self._send({"command": "run", "directory": str(directory)})

    def cancel(self, directory: Path) -> None:
        """Have the job in that directory cancelled, whether it runs or still waits."""
        if self.isRunning:
            self._send({"command": "cancel", "directory": str(directory)})

    def warmUp(self) -> None:
        """Start the engine now, so that the first job need not wait for its imports."""
        if not self.isRunning:
            self._start()

    def shutdown(self, waitMilliseconds: int = 0) -> None:
        """Ask the engine to end; with a time, wait that long and then end it with all its children."""
        process = self._process
        if process is None or not process.isRunning:
            return
        process.writeLine(json.dumps({"command": "shutdown"}))
        process.closeInput()
        if waitMilliseconds and not process.waitForFinished(waitMilliseconds):
            process.kill()
            process.waitForFinished(waitMilliseconds)

    def kill(self) -> None:
        """End the engine process with all its children, at once."""
        if self.isRunning:
            self._process.kill()

    def _start(self) -> None:
        process = self._processFactory()
        process.lineReceived.connect(self._onLine)
        process.finished.connect(lambda exitCode: self._onFinished(process, exitCode))
        self._process = process
        self._isReady = False
        process.start(list(self.ARGUMENTS))

    def _send(self, command: dict[str, str]) -> None:
        if not self.isRunning:
            self._start()
        if self._isReady:
            self._process.writeLine(json.dumps(command))
        else:
            self._waiting.append(command)

    def _onLine(self, line: str) -> None:
        try:
            message = json.loads(line)
            event = message["event"]
        except (ValueError, TypeError, KeyError):
            _log.warning("The engine sent a line that is not of its protocol: %s", line[:200])
            return
        if event == "ready":
            self._isReady = True
            waiting, self._waiting = self._waiting, []
            for command in waiting:
                self._process.writeLine(json.dumps(command))
            self.ready.emit(int(message.get("pid", 0)))
        elif event == "started":
            self.jobStarted.emit(str(message["directory"]))
        elif event == "finished":
            self.jobFinished.emit(str(message["directory"]), str(message["state"]))
        elif event == "error":
            _log.warning("The engine did not understand an order: %s", message.get("message", ""))

    def _onFinished(self, process: LineProcess, exitCode: int) -> None:
        if process is not self._process:
            return
        wasReady = self._isReady
        self._process = None
        self._isReady = False
        self._waiting = []
        self.stopped.emit(wasReady, exitCode, list(process.errorLines))
