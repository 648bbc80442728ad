"""The event log of a job: ``events.jsonl``, one JSON object per line, appended and flushed."""

from __future__ import annotations

import json
import os
import time
from enum import Enum
from pathlib import Path
from typing import Any

from mambamed.jobs.files import jsonable

__all__ = ["EVENTS_FILE", "Event", "EventFollower", "EventKind", "EventLog"]

EVENTS_FILE = "events.jsonl"

Event = dict[str, Any]
"""One event: ``t`` (seconds since 1970), ``kind`` (an ``EventKind`` value) and the fields of that kind."""


class EventKind(str, Enum):
    """Kinds of events and their fields."""

    PROGRESS = "progress"  # stage, fraction (0..1 of the whole job), seconds_left (or null)
    LOG = "log"  # message
    METRIC = "metric"  # name, value, step
    WARNING = "warning"  # message
    RESULT = "result"  # path of the run record
    ERROR = "error"  # message, details, exit_code
    STATE = "state"  # state, process


class EventLog:
    """Appends to and reads from one event file; several processes may append at the same time.

    Each event is one ``write`` in append mode, so that lines of different processes do not mix. A line that a killed
    writer left unfinished is closed before the next event and skipped by readers.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: EventKind, **fields: Any) -> Event:
        """Append one event and return it; the operating system has it when this returns."""
        event = {"t": time.time(), "kind": kind.value, **jsonable(fields)}
        line = json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags, 0o644)
        try:
            if os.lseek(descriptor, 0, os.SEEK_END) > 0:
                os.lseek(descriptor, -1, os.SEEK_END)
                if os.read(descriptor, 1) != b"\n":
                    line = b"\n" + line
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        return event

    def read(self, after: int = 0) -> list[Event]:
        """Return all whole events but the first ``after`` ones; empty when there is no file yet."""
        return EventFollower(self.path).poll()[after:]


class EventFollower:
    """Reads an event file that is still growing, from where the last call stopped.

    Example:
        >>> follower = EventFollower(Path("job/events.jsonl"))
        >>> for event in follower.poll():  # call again later for what came since
        ...     print(event["kind"])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def poll(self) -> list[Event]:
        """Return the whole events that were appended since the last call; a half-written last line waits."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(self._offset)
                content = stream.read()
        except FileNotFoundError:
            return []
        whole_length = content.rfind(b"\n") + 1
        self._offset += whole_length
        events = []
        for line in content[:whole_length].splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "kind" in event:
                events.append(event)
        return events
