"""A detection's files: JSON, tables, DOTA's text, and 3D Slicer markups."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import torch

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.geometry.corners import corners_to_boxes
from mambamed.detection.oriented_box import OrientedBox
from mambamed.detection.result import DetectionResult
from mambamed.detection.result import FoundBox

__all__ = ["annotated_objects", "boxes_csv", "objects_csv", "pixel_boxes"]

_BOX_COLUMNS = (
    "id",
    "label",
    "score",
    "slice",
    "length_mm",
    "width_mm",
    "length_px",
    "width_px",
    "angle_deg",
    "object",
)
_OBJECT_COLUMNS = ("id", "label", "score", "length_mm", "width_mm", "depth_mm")


def boxes_csv(result: DetectionResult) -> str:
    """Return a row per box: identity, score, sizes, centre and corners; what is not known is empty."""
    corners = [f"corner{number}_{axis}_px" for number in range(1, 5) for axis in "xy"]
    header = [*_BOX_COLUMNS, *[f"centre_{axis}_mm" for axis in "lps"], *corners]
    rows = []
    for box in result.boxes:
        fields = box.to_json(result.image.spacing_is_known)
        rows.append(
            [
                *[fields[name] for name in _BOX_COLUMNS],
                *box.centre_lps_mm.tolist(),
                *box.corners_px.reshape(-1).tolist(),
            ]
        )
    return _csv(header, rows)


def objects_csv(result: DetectionResult) -> str:
    """Return a row per linked object: identity, score, sizes, slices, centre and axes."""
    axes = [f"axis{number}_{axis}" for number in range(1, 4) for axis in "lps"]
    header = [*_OBJECT_COLUMNS, "first_slice", "last_slice", "boxes", *[f"centre_{axis}_mm" for axis in "lps"], *axes]
    rows = []
    for item in result.objects:
        fields = item.to_json()
        rows.append(
            [
                *[fields[name] for name in _OBJECT_COLUMNS],
                *item.slices,
                len(item.boxes),
                *item.centre_lps_mm.tolist(),
                *item.axes_lps.reshape(-1).tolist(),
            ]
        )
    return _csv(header, rows)


def pixel_boxes(boxes: Sequence[FoundBox]) -> list[OrientedBox]:
    """Return boxes in pixels along the two stored axes in the plane, in le135.

    Where pixels are not square, a box is the smallest rectangle around the found one.
    """
    found = []
    for box in boxes:
        cx, cy, w, h, angle = corners_to_boxes(torch.from_numpy(box.corners_px)).tolist()
        found.append(OrientedBox(cx, cy, w, h, angle, box.label, box.score))
    return found


def annotated_objects(boxes: Sequence[FoundBox]) -> list[AnnotatedObject]:
    """Return boxes as annotations, for DOTA's text."""
    return [AnnotatedObject(box) for box in pixel_boxes(boxes)]


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])
    return text.getvalue()
