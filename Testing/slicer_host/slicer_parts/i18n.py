"""Stand-in for ``slicer.i18n``: texts stay English; every text that passes is kept, so that tests can look."""

from __future__ import annotations

__all__ = ["getContext", "tr", "translate", "translated"]

translated: list[tuple[str, str]] = []
"""(context, text) of every call since the start."""


def getContext(sourceFile: str) -> str:
    """Return the context of a source file: its name without extension."""
    return sourceFile.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py")


def translate(context: str, text: str) -> str:
    """Return a text of a given context."""
    if not isinstance(text, str):
        raise TypeError(f"translate needs a string, got {text!r}")
    translated.append((context, text))
    return text


def tr(text: str) -> str:
    """Return a text of the caller's context."""
    return translate("", text)
