"""What the events of a job say about it at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mambamed.jobs.events import Event
from mambamed.jobs.events import EventKind
from mambamed.jobs.process import ProcessIdentity
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState

__all__ = ["JobStatus", "status_from_events"]


@dataclass(frozen=True)
class JobStatus:
    """What is known about a job at one moment, computed from its directory alone.

    Attributes:
        state: see ``JobState``.
        stage: what it is doing, in a few words.
        fraction: share of the whole job that is done, 0 to 1.
        seconds_left: estimated time to the end, or ``None``.
        message: the error's sentence when it failed, else empty.
        details: the error's background (traceback, last lines of the log), else empty.
        exit_code: the exit code of a command that ran this job, ``None`` while it has not ended.
        process: who runs or ran it, when known.
        warnings: all warnings so far.
        attempt: 1, and one more for each resume.
    """

    state: JobState
    stage: str = ""
    fraction: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    details: str = ""
    exit_code: ExitCode | None = None
    process: ProcessIdentity | None = None
    warnings: tuple[str, ...] = ()
    attempt: int = 1


def status_from_events(events: Sequence[Event]) -> JobStatus:
    """Return the status that the events tell, without a look at the process.

    Every attempt opens with a queued state; within the last attempt the first final state is the one that counts.
    Values that do not fit (a file written by hand) are passed over.
    """
    opened_at = [index for index, event in enumerate(events) if _state_of(event) is JobState.QUEUED]
    values: dict[str, Any] = {"state": JobState.QUEUED, "attempt": max(1, len(opened_at)), "warnings": ()}
    for event in events[opened_at[-1] if opened_at else 0 :]:
        kind = event["kind"]
        state = _state_of(event)
        if kind == EventKind.PROGRESS.value:
            values["stage"] = str(event.get("stage", ""))
            values["fraction"] = _number(event.get("fraction")) or 0.0
            values["seconds_left"] = _number(event.get("seconds_left"))
        elif kind == EventKind.WARNING.value:
            values["warnings"] += (str(event.get("message", "")),)
        elif kind == EventKind.ERROR.value:
            values["message"] = str(event.get("message", ""))
            values["details"] = str(event.get("details", ""))
            bad_request = event.get("exit_code") == ExitCode.BAD_REQUEST
            values["exit_code"] = ExitCode.BAD_REQUEST if bad_request else ExitCode.FAILED
        process = ProcessIdentity.from_json(event.get("process"))
        if process is not None and (state is not None or "process" not in values):
            values["process"] = process  # the worker's own word counts more than the launcher's
        if state is not None:
            values["state"] = state
            if state.is_final:
                break
    by_state = {
        JobState.DONE: ExitCode.DONE,
        JobState.CANCELLED: ExitCode.CANCELLED,
        JobState.FAILED: values.get("exit_code", ExitCode.FAILED),
    }
    return JobStatus(**{**values, "exit_code": by_state.get(values["state"])})


def _state_of(event: Event) -> JobState | None:
    if event["kind"] != EventKind.STATE.value:
        return None
    try:
        return JobState(event.get("state"))
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
