"""Oriented objects in images: boxes with an angle, their geometry, detectors, and detection on pictures and volumes.

Importing this package imports nothing heavy; its sub-modules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

from mambamed.detection.oriented_box import OrientedBox

if TYPE_CHECKING:
    from mambamed.detection.model import DetectionModel
    from mambamed.detection.model import load_detector
    from mambamed.detection.model import save_detector
    from mambamed.detection.predict import detect

__all__ = ["DetectionModel", "OrientedBox", "assign", "detect", "geometry", "load_detector", "save_detector"]

_HOMES = {"DetectionModel": "model", "detect": "predict", "load_detector": "model", "save_detector": "model"}


def __getattr__(name: str) -> Any:
    """Import a sub-module, a class or a function when it is first asked for."""
    if name in {"assign", "geometry"}:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
