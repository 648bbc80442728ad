"""Models: cards that describe them, the catalogue that finds them, and loading of weights that never executes code.

``card`` and ``catalogue`` need the standard library alone; what needs PyTorch is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.models.bundle import bundle_model
    from mambamed.models.card import ModelCard
    from mambamed.models.catalogue import CatalogueEntry
    from mambamed.models.catalogue import find_model
    from mambamed.models.catalogue import list_models
    from mambamed.models.checkpoint import read_checkpoint
    from mambamed.models.weights import load_weights

__all__ = [
    "CatalogueEntry",
    "ModelCard",
    "bundle_model",
    "find_model",
    "list_models",
    "load_weights",
    "read_checkpoint",
]

_HOMES = {
    "CatalogueEntry": "catalogue",
    "ModelCard": "card",
    "bundle_model": "bundle",
    "find_model": "catalogue",
    "list_models": "catalogue",
    "load_weights": "weights",
    "read_checkpoint": "checkpoint",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
