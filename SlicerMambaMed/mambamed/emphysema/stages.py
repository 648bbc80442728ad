"""Progress of a part of a job, told as progress of the whole."""

from __future__ import annotations

from mambamed.jobs.reporter import Reporter

__all__ = ["StageReporter"]


class StageReporter:
    """A reporter whose 0 to 1 is a span of another's.

    Args:
        reporter: The whole job's reporter.
        start: Fraction of the whole at this part's beginning.
        stop: Fraction of the whole at its end.
    """

    def __init__(self, reporter: Reporter, start: float, stop: float) -> None:
        self._reporter = reporter
        self._start = start
        self._stop = stop

    def progress(self, stage: str, fraction: float) -> None:
        """See ``Reporter.progress``."""
        self._reporter.progress(stage, self._start + (self._stop - self._start) * min(1.0, max(0.0, fraction)))

    def log(self, message: str) -> None:
        """See ``Reporter.log``."""
        self._reporter.log(message)

    def warning(self, message: str) -> None:
        """See ``Reporter.warning``."""
        self._reporter.warning(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """See ``Reporter.metric``."""
        self._reporter.metric(name, value, step)

    def check_cancelled(self) -> None:
        """See ``Reporter.check_cancelled``."""
        self._reporter.check_cancelled()
