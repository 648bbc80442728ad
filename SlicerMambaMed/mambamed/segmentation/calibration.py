"""Measured speeds of this machine, kept in the user's cache folder; read by Slicer too, so standard library only."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from mambamed.user_folders import cache_folder

__all__ = ["calibration_file", "read_calibration", "store_calibration"]

_FILE_NAME = "segmentation-speed.json"
_SCHEMA_VERSION = 1


def calibration_file() -> Path:
    """Return the file that keeps the measurements; it may be deleted at any time and is then measured again."""
    return cache_folder() / _FILE_NAME


def read_calibration() -> dict[str, Any]:
    """Return measurements by key, empty if there are none for this machine (or the file is damaged).

    A key names the device and what was measured, for example ``cpu/convolution``.
    """
    try:
        content = json.loads(calibration_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("machine") != _machine():
        return {}
    measurements = content.get("measurements")
    return measurements if isinstance(measurements, dict) else {}


def store_calibration(key: str, value: dict[str, Any]) -> None:
    """Add a measurement; a cache folder that cannot be written is no error (the next process measures again)."""
    from mambamed.jobs.files import write_json_atomically

    content = {"machine": _machine(), "measurements": {**read_calibration(), key: value}}
    try:
        calibration_file().parent.mkdir(parents=True, exist_ok=True)
        write_json_atomically(calibration_file(), content)
    except OSError:
        return


def _machine() -> dict[str, Any]:
    """What the measurements hold for."""
    return {
        "schema_version": _SCHEMA_VERSION,
        "node": platform.node(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }
