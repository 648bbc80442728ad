"""Local emphysema patterns in the lungs on CT, learned from real patches.

The names below are loaded at first use: importing this package, or its ``codes`` and ``training_settings``, needs the
standard library only.

Example:
    >>> from mambamed.emphysema.patterns import classify_patches
    >>> codes, probabilities = classify_patches(patches_hu)  # (N, 31, 31) HU
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.emphysema.patterns.classify import classify_patches
    from mambamed.emphysema.patterns.codes import PATTERN_CODES
    from mambamed.emphysema.patterns.codes import PATTERN_NAMES
    from mambamed.emphysema.patterns.mapping import PatternMap
    from mambamed.emphysema.patterns.mapping import classify_patterns_map
    from mambamed.emphysema.patterns.model import load_pattern_model

__all__ = [
    "PATTERN_CODES",
    "PATTERN_NAMES",
    "PatternMap",
    "classify_patches",
    "classify_patterns_map",
    "load_pattern_model",
]

_HOMES = {
    "PATTERN_CODES": "codes",
    "PATTERN_NAMES": "codes",
    "PatternMap": "mapping",
    "classify_patches": "classify",
    "classify_patterns_map": "mapping",
    "load_pattern_model": "model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
