"""How a running task speaks to whoever started it: progress, log, warnings, metrics, and the question "cancelled?"."""

from __future__ import annotations

import logging
from typing import Protocol
from typing import runtime_checkable

__all__ = ["NullReporter", "Reporter", "stop_requested"]

_log = logging.getLogger("mambamed")


@runtime_checkable
class Reporter(Protocol):
    """What a task pipeline may tell and ask while it runs; implemented by the job directory, the terminal and tests."""

    def progress(self, stage: str, fraction: float) -> None:
        """Report that ``fraction`` (0 to 1) of the whole job's work is done, now in ``stage`` (a few words)."""

    def log(self, message: str) -> None:
        """Write one line for the log."""

    def warning(self, message: str) -> None:
        """Report something that changes how the result must be read; stored in the run record."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Report a measured value, for curves (``step`` counts epochs or iterations) or for the record."""

    def check_cancelled(self) -> None:
        """Raise ``JobCancelledError`` if the user has cancelled; called often, at safe points."""


def stop_requested(reporter: Reporter) -> bool:
    """Whether the user wants the work stopped at the next safe point, with everything kept that a resume needs.

    Only reporters of long jobs have such a wish to tell (``stop_requested``); for the others it is never so.
    """
    return bool(getattr(reporter, "stop_requested", False))


class NullReporter:
    """A reporter for library use: logs and warnings go to the ``mambamed`` logger, nothing is ever cancelled."""

    def progress(self, stage: str, fraction: float) -> None:
        """Ignore progress."""

    def log(self, message: str) -> None:
        """Pass the line to the ``mambamed`` logger."""
        _log.info(message)

    def warning(self, message: str) -> None:
        """Pass the warning to the ``mambamed`` logger."""
        _log.warning(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Ignore metrics."""

    def check_cancelled(self) -> None:
        """Never cancelled."""
