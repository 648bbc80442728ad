"""What went wrong where Qt can not raise: exceptions in slots, timers and observers are printed and kept here."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from types import TracebackType

__all__ = ["SwallowedError", "errors", "record_error", "record_unraisable_errors", "warn", "warnings_printed"]


@dataclass(frozen=True)
class SwallowedError:
    """One exception that the event loop swallowed."""

    where: str
    exception: BaseException
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


errors: list[SwallowedError] = []
"""Exceptions swallowed since the last reset, oldest first."""

warnings_printed: list[str] = []
"""Lines such as "signal ... does not exist" that PythonQt prints instead of raising."""


def record_error(where: str, exception: BaseException) -> None:
    """Print an exception as PythonQt does and keep it."""
    text = "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))
    errors.append(SwallowedError(where, exception, text))
    print(text, file=sys.stderr)


def warn(line: str) -> None:
    """Print a line as PythonQt does and keep it."""
    warnings_printed.append(line)
    print(line, file=sys.stderr)


def record_unraisable_errors() -> None:
    """Keep also what PySide and VTK print by themselves (virtual methods and observers end in ``sys.excepthook``)."""

    def keep(kind: type[BaseException], exception: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, exception, trace))
        errors.append(SwallowedError("callback from C++", exception, text))
        print(text, file=sys.stderr)

    sys.excepthook = keep
