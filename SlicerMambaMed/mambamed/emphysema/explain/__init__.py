"""Explanations of the emphysema severity, each delivered with its checks.

The names below are loaded at first use: importing this package, or its ``settings``, needs the standard library only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.emphysema.explain.checks import ExplanationCheck
    from mambamed.emphysema.explain.explaining import Explanation
    from mambamed.emphysema.explain.explaining import explain
    from mambamed.emphysema.explain.settings import METHODS

__all__ = ["METHODS", "Explanation", "ExplanationCheck", "explain"]

_HOMES = {"METHODS": "settings", "Explanation": "explaining", "ExplanationCheck": "checks", "explain": "explaining"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
