"""A job as Slicer sees it: follows the events of a job directory, whoever runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.Text import tr as _

__all__ = ["Job"]


class Job:
    """Reads what is new in the job directory at every ``poll`` and tells its listeners.

    Life: ``progressChanged`` / ``logReceived`` / ``warningReceived`` / ``metricReceived`` any number of times, then
    ``finished(state)`` exactly once with one of the final states ``done``, ``failed``, ``cancelled``.

    Args:
        directory: a ``mambamed.jobs.directory.JobDirectory``.
        cancelRequested: called once when the user cancels; who runs the job knows how to stop it.
    """

    STATE_CHECK_INTERVAL_S = 1.0
    LOG_TAIL_LINES = 40

    def __init__(self, directory: Any, cancelRequested: Callable[[Job], None]) -> None:
        from mambamed.jobs.states import JobState

        self.progressChanged = Signal("stage", "fraction", "secondsLeft")
        self.logReceived = Signal("line")
        self.warningReceived = Signal("message")
        self.metricReceived = Signal("name", "value", "step")
        self.finished = Signal("state")
        self.directory = directory
        self.state = JobState.QUEUED
        self.stage = ""
        self.fraction = 0.0
        self.errorMessage = ""
        self.errorDetails = ""
        self.warnings: list[str] = []
        self.cancelledAt: float | None = None
        self.startedAt = time.monotonic()
        self.hasStarted = False
        self._follower = directory.follower()
        self._cancelRequested = cancelRequested
        self._nextStateCheck = 0.0

    @property
    def path(self) -> Path:
        """The job directory."""
        return Path(self.directory.path)

    @property
    def isFinished(self) -> bool:
        """Whether the job has reached a final state."""
        return bool(self.state.is_final)

    def cancel(self) -> None:
        """Ask for the job to be stopped; ``finished`` follows when it has really ended."""
        if not self.isFinished and self.cancelledAt is None:
            self.cancelledAt = time.monotonic()
            self._cancelRequested(self)

    def poll(self) -> None:
        """Read the new events and, every second, whether the job still lives."""
        from mambamed.jobs.states import JobState

        if self.isFinished:
            return
        final = None
        for event in self._follower.poll():
            if event.get("kind") == "state" and event.get("state") == JobState.QUEUED.value:
                # A job that goes on after a stop: what the earlier attempt ended with is past.
                final, self.errorMessage, self.errorDetails = None, "", ""
            final = self._take(event) or final
        if final is None and time.monotonic() >= self._nextStateCheck:
            self._nextStateCheck = time.monotonic() + self.STATE_CHECK_INTERVAL_S
            # The status also tells of a process that was killed and could not write its last event.
            status = self.directory.status()
            final = status.state if status.state.is_final else None
            for event in self._follower.poll():
                self._take(event)
            self.errorMessage = self.errorMessage or status.message
            self.errorDetails = self.errorDetails or status.details
        if final is not None:
            self._finish(final)

    def fail(self, message: str, details: str = "") -> None:
        """End the job as failed for a reason that its directory cannot tell (the engine never came up)."""
        from mambamed.jobs.states import JobState

        if not self.isFinished:
            self.errorMessage = message
            self.errorDetails = details
            self._finish(JobState.FAILED)

    def details(self) -> str:
        """Return what helps to find an error: the engine's own details and the last lines of its log."""
        parts = [self.errorDetails.strip(), self.logTail().strip()]
        if parts[1] and parts[1] in parts[0]:
            parts.pop()
        return "\n\n".join(part for part in parts if part)

    def logTail(self) -> str:
        """Return the last lines of ``engine.log``."""
        return str(self.directory.log_tail(self.LOG_TAIL_LINES))

    def _take(self, event: dict[str, Any]) -> Any:
        """Pass one event on; return the state if it is a final one."""
        from mambamed.jobs.states import JobState

        kind = event.get("kind")
        if kind == "progress":
            self.hasStarted = True
            self.stage = str(event.get("stage", ""))
            self.fraction = float(event.get("fraction", 0.0))
            self.progressChanged.emit(self.stage, self.fraction, event.get("seconds_left"))
        elif kind == "log":
            self.logReceived.emit(str(event.get("message", "")))
        elif kind == "warning":
            self.warnings.append(str(event.get("message", "")))
            self.warningReceived.emit(self.warnings[-1])
        elif kind == "metric":
            self.metricReceived.emit(str(event.get("name", "")), event.get("value"), event.get("step"))
        elif kind == "error":
            self.errorMessage = str(event.get("message", ""))
            self.errorDetails = str(event.get("details") or "")
        elif kind == "state":
            state = JobState(event["state"])
            if state.is_final:
                return state
            self.state = state
            self.hasStarted = self.hasStarted or state is JobState.RUNNING
        return None

    def _finish(self, state: Any) -> None:
        from mambamed.jobs.states import JobState

        if state is JobState.FAILED and not self.errorMessage:
            self.errorMessage = _("The engine process ended unexpectedly.")
        self.state = state
        self.finished.emit(state)
