"""States of a job and exit codes of the commands, as enumerations so that "cancelled" is never taken for "failed"."""

from __future__ import annotations

from enum import Enum
from enum import IntEnum

__all__ = ["ExitCode", "JobState"]


class JobState(str, Enum):
    """Life of a job: queued, running, then exactly one of cancelled, failed, done."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended and can no longer change its state."""
        return self in (JobState.CANCELLED, JobState.FAILED, JobState.DONE)


class ExitCode(IntEnum):
    """Exit codes of every ``mambamed`` command."""

    DONE = 0
    FAILED = 1
    BAD_REQUEST = 2
    CANCELLED = 130
