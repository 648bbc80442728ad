"""Following a job from a shell, whoever runs it: everything that happens, until it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator

from mambamed.cli.terminal import ProgressLine
from mambamed.errors import FollowingEndedError
from mambamed.jobs.directory import JobDirectory
from mambamed.jobs.events import Event
from mambamed.jobs.events import EventKind
from mambamed.jobs.states import JobState
from mambamed.jobs.status import JobStatus

__all__ = ["events_until_end", "follow_to_end"]

_INTERVAL_S = 0.2
_STATE_INTERVAL_S = 1.0


def events_until_end(job: JobDirectory) -> Iterator[Event]:
    """Yield the events of a job, past and to come, until it has ended in any way.

    Raises:
        FollowingEndedError: the user interrupted; the job goes on.
    """
    try:
        yield from _events(job)
    except KeyboardInterrupt as error:
        raise FollowingEndedError(
            f"No longer following; the job goes on. Follow it: mambamed job follow {job.path}; end it: "
            f"mambamed job stop {job.path} (a training, at a safe point) or mambamed job cancel {job.path}"
        ) from error


def _events(job: JobDirectory) -> Iterator[Event]:
    follower = job.follower()
    next_check = 0.0
    state = JobState.QUEUED
    while True:
        # The whole log is judged now and then only (a training's is long), and before the poll, so that the last
        # events are told too.
        if time.monotonic() >= next_check:
            state = job.settle()
            next_check = time.monotonic() + _STATE_INTERVAL_S
        for event in follower.poll():
            yield event
            if event["kind"] == EventKind.STATE.value:
                next_check = 0.0
        if state.is_final:
            return
        time.sleep(_INTERVAL_S)


def follow_to_end(job: JobDirectory, quiet: bool = False) -> JobStatus:
    """Draw the progress of a job that runs elsewhere until it ends.

    Raises:
        FollowingEndedError: the user interrupted; the job goes on.
    """
    line = ProgressLine(quiet=quiet)
    try:
        for event in events_until_end(job):
            line.show(event)
    finally:
        line.close()
    return job.status()
