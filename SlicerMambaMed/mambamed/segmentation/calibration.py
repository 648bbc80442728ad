"""Measured speeds of this machine, kept in the user's cache folder; read by Slicer too, so standard library only."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from mambamed.jobs.files import write_json_atomically
from mambamed.user_folders import cache_folder

__all__ = ["calibration_file", "read_calibration", "speed_key", "store_calibration"]

_FILE_NAME = "segmentation-speed.json"
_SCHEMA_VERSION = 1


def speed_key(device: str, network: str = "") -> str:
    """Return the key of a measured speed: of one kind of network on a device, or of any network there.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        network: Name of the network; empty for the last one that ran.

    Example:
        >>> speed_key("cuda:0", "UMambaBot")
        'cuda/UMambaBot'
    """
    return f"{device.split(':')[0]}/{network or 'any'}"


def calibration_file() -> Path:
    """Return the file that keeps the measurements; it may be deleted at any time and is then measured again."""
    return cache_folder() / _FILE_NAME


def read_calibration() -> dict[str, Any]:
    """Return measurements by key, empty if there are none for this machine (or the file is damaged)."""
    try:
        content = json.loads(calibration_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("machine") != _machine():
        return {}
    measurements = content.get("measurements")
    return measurements if isinstance(measurements, dict) else {}


def store_calibration(values: dict[str, Any]) -> None:
    """Add measurements by key; a cache folder that cannot be written is no error (nothing is learned then)."""
    content = {"machine": _machine(), "measurements": {**read_calibration(), **values}}
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
