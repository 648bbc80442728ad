"""Oriented objects in images: boxes with an angle, their geometry, and the matching of priors to objects.

Importing this package imports nothing heavy; its sub-modules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mambamed.detection.oriented_box import OrientedBox

__all__ = ["OrientedBox", "assign", "geometry"]


def __getattr__(name: str) -> ModuleType:
    """Import a sub-module when it is first asked for."""
    if name in {"assign", "geometry"}:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
