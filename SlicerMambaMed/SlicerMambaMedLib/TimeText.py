"""Durations in words."""

from __future__ import annotations

from slicer.i18n import tr as _

__all__ = ["timeInWords"]


def timeInWords(seconds: float) -> str:
    """Return a duration as a person would say it, never more exact than an estimate can be."""
    if seconds < 10:
        return _("a few seconds")
    if seconds < 90:
        return _("{count} s").format(count=int(round(seconds, -1)))
    if seconds < 5400:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=f"{seconds / 3600:.1f}")
