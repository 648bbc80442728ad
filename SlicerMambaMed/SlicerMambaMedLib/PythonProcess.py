"""One run of the engine's interpreter, driven by Qt: lines in, lines out, no thread, never blocking."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence

import qt
import slicer

from SlicerMambaMedLib.EngineInterpreter import EngineInterpreter
from SlicerMambaMedLib.Signal import Signal

__all__ = ["PythonProcess"]


class PythonProcess:
    """Starts ``<interpreter> <arguments>`` and reports its output line by line.

    Life: ``start`` -> ``lineReceived`` for each line of its standard output -> ``finished(exitCode)`` exactly once,
    also when the program could not be started (exit code -1) or was killed. What it writes to standard error is kept in
    ``errorLines`` (the last 200 lines), to be shown behind "Details".
    """

    KEPT_ERROR_LINES = 200

    def __init__(self, interpreter: EngineInterpreter) -> None:
        self.interpreter = interpreter
        self.lineReceived = Signal("line")
        self.errorLineReceived = Signal("line")
        self.finished = Signal("exitCode")
        self.errorLines: deque[str] = deque(maxlen=self.KEPT_ERROR_LINES)
        self._pending = {"output": b"", "error": b""}
        self._process = None

    def start(self, arguments: Sequence[str]) -> None:
        """Start the program; returns at once."""
        process = qt.QProcess()
        environment = qt.QProcessEnvironment()
        variables = self.interpreter.environment(slicer.util.startupEnvironment(), os.environ)
        for name, value in variables.items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.setProcessChannelMode(qt.QProcess.SeparateChannels)
        process.connect("readyReadStandardOutput()", self._onOutput)
        process.connect("readyReadStandardError()", self._onErrorOutput)
        process.connect("finished(int,QProcess::ExitStatus)", self._onFinished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._onError)
        self._process = process
        process.start(self.interpreter.program, list(arguments))

    @property
    def isRunning(self) -> bool:
        """Whether the program is starting or running."""
        return self._process is not None and self._process.state() != qt.QProcess.NotRunning

    @property
    def processId(self) -> int:
        """Number of the process, 0 when it does not run."""
        return int(self._process.processId()) if self.isRunning else 0

    def writeLine(self, line: str) -> None:
        """Send one line to the program's standard input."""
        if self.isRunning:
            self._process.write(line.encode("utf-8") + b"\n")

    def closeInput(self) -> None:
        """Close the program's standard input: the engine takes this as the request to end."""
        if self.isRunning:
            self._process.closeWriteChannel()

    def waitForFinished(self, milliseconds: int) -> bool:
        """Block for at most that long until the program has ended; for the end of the application only."""
        return not self.isRunning or bool(self._process.waitForFinished(milliseconds))

    def kill(self) -> None:
        """End the program and every process that it started."""
        if not self.isRunning:
            return
        from mambamed.jobs.process import kill_process_tree

        processId = self.processId
        if processId:
            kill_process_tree(processId)
        self._process.kill()

    def _onOutput(self) -> None:
        data = bytes(self._process.readAllStandardOutput().data())
        for line in self._wholeLines("output", data):
            self.lineReceived.emit(line)

    def _onErrorOutput(self) -> None:
        data = bytes(self._process.readAllStandardError().data())
        for line in self._wholeLines("error", data):
            self.errorLines.append(line)
            self.errorLineReceived.emit(line)

    def _wholeLines(self, channel: str, data: bytes) -> list[str]:
        """Return the complete lines and keep the rest: one read may hold several lines or a part of one."""
        *whole, rest = (self._pending[channel] + data).split(b"\n")
        self._pending[channel] = rest
        return [line.decode("utf-8", errors="replace").rstrip("\r") for line in whole]

    def _onError(self, error: int) -> None:
        if error == qt.QProcess.FailedToStart:
            self.errorLines.append(f"The program could not be started: {self.interpreter.program}")
            self._end(-1)

    def _onFinished(self, exitCode: int, exitStatus: int) -> None:
        self._onOutput()
        self._onErrorOutput()
        for channel, receive in (("output", self.lineReceived.emit), ("error", self.errorLines.append)):
            if self._pending[channel]:
                receive(self._pending[channel].decode("utf-8", errors="replace"))
                self._pending[channel] = b""
        self._end(exitCode if exitStatus == qt.QProcess.NormalExit else -1)

    def _end(self, exitCode: int) -> None:
        # The QProcess is still delivering its signal: it may only be dropped when the event loop has come back.
        qt.QTimer.singleShot(0, self._drop)
        self.finished.emit(exitCode)

    def _drop(self) -> None:
        if not self.isRunning:
            self._process = None
