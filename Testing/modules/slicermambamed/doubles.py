"""Small hand-written stand-ins for the collaborators of the host-side library."""

from __future__ import annotations

import json
from typing import Any

from SlicerMambaMedLib.Signal import Signal


class FakeProcess:
    """A process whose output the test writes."""

    def __init__(self) -> None:
        self.lineReceived = Signal("line")
        self.finished = Signal("exitCode")
        self.errorLines: list[str] = []
        self.isRunning = False
        self.arguments: list[str] = []
        self.written: list[dict[str, Any]] = []
        self.wasKilled = False
        self.inputIsClosed = False

    def start(self, arguments: list[str]) -> None:
        self.arguments = list(arguments)
        self.isRunning = True

    def writeLine(self, line: str) -> None:
        self.written.append(json.loads(line))

    def closeInput(self) -> None:
        self.inputIsClosed = True

    def waitForFinished(self, milliseconds: int) -> bool:
        return not self.isRunning

    def kill(self) -> None:
        self.wasKilled = True
        self.end(-1)

    def say(self, **message: Any) -> None:
        """Print one line of the engine's protocol."""
        self.lineReceived.emit(json.dumps(message))

    def end(self, exitCode: int, *errorLines: str) -> None:
        """Let the process end."""
        self.errorLines = list(errorLines)
        self.isRunning = False
        self.finished.emit(exitCode)


class FakeProcesses:
    """Makes processes and remembers them."""

    def __init__(self) -> None:
        self.made: list[FakeProcess] = []

    def __call__(self) -> FakeProcess:
        self.made.append(FakeProcess())
        return self.made[-1]

    @property
    def last(self) -> FakeProcess:
        return self.made[-1]


class FakeTimer:
    """A timer that never fires by itself."""

    def __init__(self) -> None:
        self.isActive = False

    def connect(self, signal: str, function: Any) -> bool:
        self.function = function
        return True

    def start(self, milliseconds: int) -> None:
        self.isActive = True

    def stop(self) -> None:
        self.isActive = False


class FakeStore:
    """Settings kept in memory."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def value(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def setValue(self, key: str, value: Any) -> None:
        self.values[key] = value

    def remove(self, key: str) -> None:
        self.values.pop(key, None)
