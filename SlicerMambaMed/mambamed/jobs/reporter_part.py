"""Progress of one part of a job as progress of the whole."""

from __future__ import annotations

from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter import stop_requested

__all__ = ["ReporterPart"]


class ReporterPart:
    """A reporter whose fractions 0 to 1 lie between two fractions of another one; all else is passed on.

    Args:
        whole: the other reporter.
        first: fraction of the whole at which the part begins.
        last: fraction at which it ends.
    """

    def __init__(self, whole: Reporter, first: float, last: float) -> None:
        self._whole, self._first, self._last = whole, first, last

    @property
    def stop_requested(self) -> bool:
        """Whether the user wants the work stopped at the next safe point."""
        return stop_requested(self._whole)

    def progress(self, stage: str, fraction: float) -> None:
        """See ``Reporter.progress``."""
        self._whole.progress(stage, self._first + (self._last - self._first) * fraction)

    def log(self, message: str) -> None:
        """See ``Reporter.log``."""
        self._whole.log(message)

    def warning(self, message: str) -> None:
        """See ``Reporter.warning``."""
        self._whole.warning(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """See ``Reporter.metric``."""
        self._whole.metric(name, value, step)

    def check_cancelled(self) -> None:
        """See ``Reporter.check_cancelled``."""
        self._whole.check_cancelled()
