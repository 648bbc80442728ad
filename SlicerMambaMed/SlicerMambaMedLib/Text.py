"""Slicer's translation function; outside the application (scripts with slicer-core alone) texts stay as they are.

It is handed on as it is, not wrapped: Slicer finds the translation by the file that calls it.
"""

from __future__ import annotations

__all__ = ["tr"]

try:
    from slicer.i18n import tr
except ImportError:

    def tr(text: str) -> str:
        """Return the text."""
        return text
