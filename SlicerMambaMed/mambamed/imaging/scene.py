"""A 3D Slicer scene (``.mrb``) with a volume and its segmentation, written without Slicer through slicer-core.

slicer-core brings VTK and ITK builds of its own; it runs in a process of its own (``scene_writer``) so that they never
meet those of this process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mambamed.errors import MambaMedError
from mambamed.imaging.writing import replace_atomically

__all__ = ["can_write_scenes", "write_scene"]

_TIME_LIMIT_S = 600


def can_write_scenes() -> bool:
    """Return whether slicer-core is installed."""
    return importlib.util.find_spec("slicer_core") is not None


def write_scene(
    path: Path,
    volume_file: Path,
    labelmap_file: Path,
    labels: Sequence[Mapping[str, Any]],
    volume_name: str,
    segmentation_name: str = "Segmentation",
    overwrite: bool = False,
) -> Path:
    """Write a scene that opens in 3D Slicer with the volume in the slice views and the segments over it.

    Args:
        path: the ``.mrb`` file to write; whole or absent afterwards.
        volume_file: image file that ITK reads (NIfTI, NRRD, MHA, ...).
        labelmap_file: label map on the volume's grid; 0 is background.
        labels: one mapping per label with ``value``, ``name``, ``color`` (red, green, blue, 0 to 255) and optionally
            ``terminology`` (``category``, ``type`` and optionally ``type_modifier``, ``region``, ``region_modifier``,
            each with ``scheme``, ``code``, ``meaning``).
        volume_name: name of the volume node.
        segmentation_name: name of the segmentation node.
        overwrite: whether an existing file may be replaced.

    Returns:
        ``path``.

    Raises:
        MambaMedError: slicer-core is missing or could not write the scene.
    """
    if not can_write_scenes():
        raise MambaMedError(
            "A Slicer scene cannot be written because the Python package slicer-core is missing; "
            "install it with: pip install slicer-core (Python 3.11 or newer)."
        )
    with replace_atomically(path, overwrite=overwrite) as temporary:
        # A bundle names its inner folder after the file, and slicer-core must choose that name's ending itself.
        order = {
            "scene": str(temporary),
            "volume": str(volume_file),
            "labelmap": str(labelmap_file),
            "volume_name": volume_name,
            "segmentation_name": segmentation_name,
            "segments": [_segment(label) for label in labels],
        }
        finished = subprocess.run(
            [sys.executable, "-m", "mambamed.imaging.scene_writer"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIME_LIMIT_S,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if finished.returncode != 0:
            lines = finished.stderr.strip().splitlines() or ["no reason given"]
            raise MambaMedError(f"The Slicer scene {path} could not be written: {lines[-1]}")
    return path


def _segment(label: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": int(label["value"]),
        "name": str(label["name"]),
        "color": [channel / 255.0 for channel in label["color"]],
        "terminology": _terminology_entry(label.get("terminology") or {}),
    }


def _terminology_entry(terminology: Mapping[str, Any]) -> str:
    """Return Slicer's text form of a terminology entry: seven fields parted by ``~``; empty when there is none."""
    if "type" not in terminology:
        return ""

    def triplet(name: str) -> str:
        code = terminology.get(name) or {}
        return "^".join(str(code.get(part, "")) for part in ("scheme", "code", "meaning"))

    fields = [
        "Segmentation category and type - 3D Slicer General Anatomy list",
        triplet("category"),
        triplet("type"),
        triplet("type_modifier"),
        "Anatomic codes - DICOM master list",
        triplet("region"),
        triplet("region_modifier"),
    ]
    return "~".join(fields)
