"""One part of a job's progress as progress of the whole."""

from __future__ import annotations

import pytest
from mambamed.errors import JobCancelledError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import stop_requested
from mambamed.jobs.reporter_part import ReporterPart


class _Hearing(NullReporter):
    stop_requested = False

    def __init__(self) -> None:
        self.heard: list[object] = []

    def progress(self, stage: str, fraction: float) -> None:
        self.heard.append((stage, round(fraction, 6)))

    def log(self, message: str) -> None:
        self.heard.append(message)

    def warning(self, message: str) -> None:
        self.heard.append(message)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.heard.append((name, value, step))

    def check_cancelled(self) -> None:
        raise JobCancelledError("The job was cancelled.")


def test_fractions_lie_between_the_parts_ends_and_all_else_is_passed_on() -> None:
    whole = _Hearing()
    part = ReporterPart(whole, 0.2, 0.7)
    part.progress("training", 0.5)
    ReporterPart(part, 0.5, 1.0).progress("end", 1.0)
    part.log("a line")
    part.warning("mind")
    part.metric("loss", 1.5, 3)
    assert whole.heard == [("training", 0.45), ("end", 0.7), "a line", "mind", ("loss", 1.5, 3)]
    with pytest.raises(JobCancelledError):
        part.check_cancelled()


def test_the_wish_to_stop_is_heard_through_it() -> None:
    whole = _Hearing()
    part = ReporterPart(whole, 0.0, 1.0)
    assert not stop_requested(part)
    whole.stop_requested = True
    assert stop_requested(part)
    assert not stop_requested(ReporterPart(NullReporter(), 0.0, 1.0))
