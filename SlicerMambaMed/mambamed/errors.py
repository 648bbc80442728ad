"""Errors that a user may see: each message says what was found, what was expected and what to do."""

from __future__ import annotations

__all__ = [
    "BadRequestError",
    "DeviceUnavailableError",
    "FollowingEndedError",
    "JobCancelledError",
    "MambaMedError",
    "UnsafeFileError",
]


class MambaMedError(Exception):
    """Base of every error whose message is written for the user; shown without a traceback."""


class BadRequestError(MambaMedError, ValueError):
    """The request cannot be carried out as it was given (missing file, wrong channels, absurd spacing, ...)."""


class UnsafeFileError(BadRequestError):
    """A file from outside was refused because reading it could execute code or write outside its folder."""


class DeviceUnavailableError(BadRequestError):
    """The computing device or scan backend that was asked for does not exist or cannot be used here."""


class JobCancelledError(MambaMedError):
    """The job was cancelled by the user; not a failure."""


class FollowingEndedError(MambaMedError):
    """The user no longer looks on at a job, which goes on; not a failure."""
