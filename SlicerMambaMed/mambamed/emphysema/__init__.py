"""Emphysema on chest CT: lungs, density measures, local patterns, severity with its doubts, checked explanations.

The names below are loaded at first use: importing this package, or its ``settings``, needs the standard library only.

Example:
    >>> from mambamed.emphysema import analyze
    >>> result = analyze(SimpleITK.ReadImage("chest.nii.gz"))
    >>> result.regions["both lungs"].laa950_percent
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.emphysema.acquisition import Acquisition
    from mambamed.emphysema.analysis import analyze
    from mambamed.emphysema.result import EmphysemaResult
    from mambamed.emphysema.settings import EmphysemaSettings

__all__ = ["Acquisition", "EmphysemaResult", "EmphysemaSettings", "analyze"]

_HOMES = {
    "Acquisition": "acquisition",
    "EmphysemaResult": "result",
    "EmphysemaSettings": "settings",
    "analyze": "analysis",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
