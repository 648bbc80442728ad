"""Folders of the current user: one for what can be thrown away at any time, one for models that the user adds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["CACHE_VARIABLE", "MODELS_VARIABLE", "cache_folder", "user_models_folder"]

CACHE_VARIABLE = "MAMBAMED_CACHE"
MODELS_VARIABLE = "MAMBAMED_MODELS"


def cache_folder() -> Path:
    """Return the folder for measurements and unpacked files; it may not exist yet, and may be emptied at any time.

    The environment variable ``MAMBAMED_CACHE`` overrides the platform's usual place.
    """
    override = os.environ.get(CACHE_VARIABLE)
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "MambaMed" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "MambaMed"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mambamed"


def user_models_folder() -> Path:
    """Return the folder in which the user keeps further models; it may not exist yet.

    The environment variable ``MAMBAMED_MODELS`` overrides the platform's usual place.
    """
    override = os.environ.get(MODELS_VARIABLE)
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming")) / "MambaMed" / "models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "MambaMed" / "models"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "mambamed" / "models"
