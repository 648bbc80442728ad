"""From an exception to one sentence that a person understands, with the technical background kept as details."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass

from mambamed.errors import BadRequestError
from mambamed.errors import FollowingEndedError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.states import ExitCode
from mambamed.jobs.states import JobState

__all__ = ["Failure", "describe_failure"]

# Words by which PyTorch's several allocators say that memory ran out (they raise plain RuntimeErrors).
_OUT_OF_MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


@dataclass(frozen=True)
class Failure:
    """How a job or command ended that did not end well: one sentence, background, and what to exit with."""

    message: str
    details: str
    exit_code: ExitCode

    @property
    def state(self) -> JobState:
        """The final state of a job that ended so."""
        return JobState.CANCELLED if self.exit_code is ExitCode.CANCELLED else JobState.FAILED


def describe_failure(error: BaseException) -> Failure:
    """Say in one sentence what happened and what to do; the traceback becomes the details."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, JobCancelledError | KeyboardInterrupt):
        return Failure("Cancelled.", "", ExitCode.CANCELLED)
    if isinstance(error, FollowingEndedError):
        return Failure(str(error), "", ExitCode.CANCELLED)
    if isinstance(error, BadRequestError):
        return Failure(str(error), details, ExitCode.BAD_REQUEST)
    if isinstance(error, MambaMedError):
        return Failure(str(error), details, ExitCode.FAILED)
    return Failure(_sentence(error), details, ExitCode.FAILED)


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in text.lower() for words in _OUT_OF_MEMORY_WORDS)
    ):
        where = "The graphics card" if "cuda" in text.lower() or "mps" in text.lower() else "The computer"
        return (
            f"{where} ran out of memory. Choose a region of interest or a smaller volume, close other programs, "
            "or use another device."
        )
    if isinstance(error, OSError):
        place = f" {error.filename}" if error.filename else ""
        if error.errno == errno.ENOSPC:
            return f"The disk is full: writing{place} failed. Free some space or choose another folder."
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"Access to{place or ' a file'} was denied ({error.strerror}). Choose a place to write to."
        if error.errno == errno.ENOENT and place:
            return f"The file{place} does not exist. Check its name and place."
    if isinstance(error, ModuleNotFoundError):
        return f"The Python package {error.name} is missing. Run `mambamed doctor` to see how to install it."
    cause = text.split(". ")[0][:300] or "no reason given"
    return f"The computation stopped because of an unforeseen error: {type(error).__name__}: {cause.rstrip('.')}."
