"""Writes chosen objects of a result: DOTA text, CSV, markups JSON."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.Text import tr as _

from OrientedDetectionLib.Detection import FoundItem
from OrientedDetectionLib.DetectionResult import DetectionResult

__all__ = ["writeCsv", "writeDotaText", "writeMarkups"]

_COLUMNS = ("id", "label", "score", "first_slice", "last_slice", "length_mm", "width_mm", "depth_mm", "angle_deg")
_PIXEL_COLUMNS = {"length_mm": "length_px", "width_mm": "width_px", "depth_mm": "depth_px"}
_PLACES = ("centre_l_mm", "centre_p_mm", "centre_s_mm")


def writeCsv(result: DetectionResult, items: Sequence[FoundItem], path: Path) -> list[Path]:
    """Write a row per object: sizes in mm (in pixels where the pixel size is not known), centre in LPS mm."""
    names = [name if result.detection.isSpacingKnown else _PIXEL_COLUMNS.get(name, name) for name in _COLUMNS]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*names, *_PLACES])
        for item in items:
            numbers = [*item.sizeMm, item.angleDeg, -item.center[0], -item.center[1], item.center[2]]
            slices = item.slices or ("", "")
            cells = [f"{number:.6g}" for number in numbers]
            writer.writerow([item.number, item.label, f"{item.score:.6g}", *slices, *cells])
    return [path]


def writeDotaText(items: Sequence[FoundItem], path: Path) -> list[Path]:
    """Write the boxes in DOTA's form, pixels of the stored slice; of several slices each gets a file of its own.

    Returns:
        The files: the path itself for one image or slice, else ``<name>_slice_<number>.txt`` beside it.
    """
    from mambamed.detection.dota_line import dota_line

    lines: dict[int | None, list[str]] = {}
    for item in items:
        for box in item.boxes:
            lines.setdefault(box["slice"], []).append(dota_line(box["corners_px"], str(box["label"])))
    if len(lines) <= 1:
        path.write_text("".join(next(iter(lines.values()), [])), encoding="utf-8")
        return [path]
    written = []
    for number in sorted(number for number in lines if number is not None):
        written.append(path.with_name(f"{path.stem}_slice_{number:04d}{path.suffix}"))
        written[-1].write_text("".join(lines[number]), encoding="utf-8")
    return written


def writeMarkups(result: DetectionResult, items: Sequence[FoundItem], path: Path) -> list[Path]:
    """Write the markups as they are in the scene into one file, which Slicer loads.

    Raises:
        ValueError: none of the objects has a markup.
        RuntimeError: a markup cannot be written.
    """
    nodes = [result.markups[item.number] for item in items if item.number in result.markups]
    if not nodes:
        raise ValueError(_("There is no object to save. Lower the least score."))
    content: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for node in nodes:
            part = _written(node, Path(folder) / "one.mrk.json")
            if content:
                content["markups"].extend(part["markups"])
            else:
                content = part
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return [path]


def _written(node: Any, path: Path) -> dict[str, Any]:
    """Return what Slicer writes for one node."""
    storage = node.CreateDefaultStorageNode()  # that of ROIs and planes knows more than that of other markups
    storage.UnRegister(None)
    storage.SetFileName(str(path))
    if not storage.WriteData(node):
        raise RuntimeError(_("{name} could not be written.").format(name=node.GetName()))
    content = dict(json.loads(path.read_text(encoding="utf-8")))
    # The name of the node is that of its file otherwise, which one file for all cannot say.
    for markup in content["markups"]:
        markup["name"] = node.GetName()
    return content
