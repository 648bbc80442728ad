"""Chest CT phantoms: lungs, airways, vessels, emphysema with a known lesion mask, kernels and doses.

The names below are loaded at first use: importing this package, or its ``settings``, needs the standard library only.

Example:
    >>> from mambamed.emphysema.phantom import ChestPhantomSettings, make_chest_phantom
    >>> phantom = make_chest_phantom(ChestPhantomSettings(seed=3, pattern="paraseptal", extent_percent=12.0))
    >>> phantom.ct, phantom.labels, phantom.lesions  # SimpleITK images on one grid
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.emphysema.phantom.cases import draw_case
    from mambamed.emphysema.phantom.generate import ChestPhantom
    from mambamed.emphysema.phantom.generate import make_chest_phantom
    from mambamed.emphysema.phantom.settings import ChestPhantomSettings

__all__ = ["ChestPhantom", "ChestPhantomSettings", "draw_case", "make_chest_phantom"]

_HOMES = {
    "ChestPhantom": "generate",
    "ChestPhantomSettings": "settings",
    "draw_case": "cases",
    "make_chest_phantom": "generate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
