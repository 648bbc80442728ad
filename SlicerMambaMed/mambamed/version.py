"""The version of the engine and of the extension, in one place."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
