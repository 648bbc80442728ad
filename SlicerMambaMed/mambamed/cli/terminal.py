"""Progress and messages of a job in a terminal: one line that is drawn again; plain lines when it is not a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from mambamed.jobs.events import Event
from mambamed.jobs.events import EventKind

__all__ = ["ProgressLine", "event_line", "format_duration"]

_BAR_CELLS = 24


def format_duration(seconds: float) -> str:
    """Return a duration as ``45 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class ProgressLine:
    """Shows a job's events on a stream (standard error by default): a bar if it is a terminal, else warnings only.

    Args:
        stream: where to draw.
        quiet: show nothing at all but warnings.

    Attributes:
        draws: whether bars are drawn.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self.draws = self._stream.isatty() and not quiet
        self._line_is_open = False

    def show(self, event: Event) -> None:
        """Draw one event."""
        kind = event["kind"]
        if kind == EventKind.WARNING.value:
            self._clear()
            print(f"Warning: {event.get('message', '')}", file=self._stream, flush=True)
        elif kind == EventKind.PROGRESS.value and self.draws:
            self._draw(event)

    def close(self) -> None:
        """Remove the bar, so that what follows starts on a clean line."""
        self._clear()

    def _draw(self, event: Event) -> None:
        fraction = float(event.get("fraction") or 0.0)
        filled = round(_BAR_CELLS * fraction)
        text = f"[{'#' * filled}{'.' * (_BAR_CELLS - filled)}] {fraction:4.0%} {event.get('stage', '')}"
        if event.get("seconds_left") is not None:
            text += f", {format_duration(float(event['seconds_left']))} left"
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r" + text[:width].ljust(width))
        self._stream.flush()
        self._line_is_open = True

    def _clear(self) -> None:
        if self._line_is_open:
            self._stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self._stream.flush()
            self._line_is_open = False


def event_line(event: Event) -> str:
    """Return one event as a line of text for a log that a person reads."""
    clock = time.strftime("%H:%M:%S", time.localtime(float(event.get("t", 0))))
    kind = event["kind"]
    if kind == EventKind.PROGRESS.value:
        text = f"{float(event.get('fraction') or 0):4.0%} {event.get('stage', '')}"
    elif kind == EventKind.METRIC.value:
        text = f"{event.get('name')} = {event.get('value')} (step {event.get('step')})"
    elif kind == EventKind.STATE.value:
        text = str(event.get("state"))
    else:
        text = str(event.get("message", event.get("path", "")))
    return f"{clock} {kind}: {text}"
