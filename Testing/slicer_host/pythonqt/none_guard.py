"""Keeps ``None`` alive: PySide6 6.12 takes one reference from it at each call of a C++ method that returns nothing.

Python 3.12 and newer never delete ``None``; 3.11 ends the process ("deallocating None") after some 15,000 such calls,
which an event loop makes in seconds. Seen with ``sys.getrefcount(None)`` before and after ``QLabel.setText``.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_none_alive"]

_ENOUGH = 1 << 40


def keep_none_alive() -> None:
    """Give ``None`` more references than any session can lose."""
    if sys.version_info < (3, 12) and sys.getrefcount(None) < _ENOUGH // 2:
        ctypes.c_ssize_t.from_address(id(None)).value += _ENOUGH
