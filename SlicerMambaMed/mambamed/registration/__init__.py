"""Registration: similarity measures, DISA descriptors, layers for displacement fields and one-pass networks.

Importing this package imports nothing heavy; its sub-packages are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["disa", "layers", "networks", "similarity"]


def __getattr__(name: str) -> ModuleType:
    """Import a sub-package when it is first asked for."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
