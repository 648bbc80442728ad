"""What a detection found, as values: boxes on slices, linked objects in space, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mambamed.models.card import CardLabel

__all__ = ["DetectionResult", "FoundBox", "FoundObject", "ImageFacts"]

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ImageFacts:
    """The image and how it was cut; fields as in ``detections.json`` (docs/developer/detection.md)."""

    dimension: int
    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    channels: int
    spacing_is_known: bool
    plane: str
    slice_axis: int | None
    slices: tuple[int, int] | None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


@dataclass(frozen=True, eq=False)
class FoundBox:
    """One box; fields as in ``detections.json``, arrays in place of lists."""

    id: int
    label: str
    score: float
    slice: int | None
    corners_px: np.ndarray
    corners_lps_mm: np.ndarray
    centre_lps_mm: np.ndarray
    axes_lps: np.ndarray
    size_mm: np.ndarray
    angle_deg: float
    pixel_mm: float
    object: int | None = None

    def to_json(self, spacing_is_known: bool) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        length_mm, width_mm = float(self.size_mm[0]), float(self.size_mm[1])
        return {
            "id": self.id,
            "label": self.label,
            "score": self.score,
            "slice": self.slice,
            "corners_px": self.corners_px.tolist(),
            "corners_lps_mm": self.corners_lps_mm.tolist(),
            "centre_lps_mm": self.centre_lps_mm.tolist(),
            "axes_lps": self.axes_lps.tolist(),
            "size_mm": self.size_mm.tolist(),
            "length_mm": length_mm if spacing_is_known else None,
            "width_mm": width_mm if spacing_is_known else None,
            "length_px": length_mm / self.pixel_mm,
            "width_px": width_mm / self.pixel_mm,
            "angle_deg": self.angle_deg,
            "object": self.object,
        }


@dataclass(frozen=True, eq=False)
class FoundObject:
    """One object found on one or more slices; fields as in ``detections.json``, arrays in place of lists."""

    id: int
    label: str
    score: float
    centre_lps_mm: np.ndarray
    axes_lps: np.ndarray
    size_mm: np.ndarray
    slices: tuple[int, int]
    boxes: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON holds them."""
        length_mm, width_mm, depth_mm = (float(value) for value in self.size_mm)
        return {
            "id": self.id,
            "label": self.label,
            "score": self.score,
            "centre_lps_mm": self.centre_lps_mm.tolist(),
            "axes_lps": self.axes_lps.tolist(),
            "size_mm": self.size_mm.tolist(),
            "length_mm": length_mm,
            "width_mm": width_mm,
            "depth_mm": depth_mm,
            "slices": list(self.slices),
            "boxes": list(self.boxes),
        }


@dataclass(frozen=True, eq=False)
class DetectionResult:
    """Everything that was found.

    Attributes:
        boxes: slice by slice, each slice by descending score.
        objects: linked boxes, by descending score; empty where nothing was linked.
        labels: the model's, with colours.
        image: the image and how it was cut.
        score_threshold: that was used.
        nms_threshold: that was used.
        is_linked: whether boxes were linked over slices.
        record: device, number format, model, durations, counts.
    """

    boxes: tuple[FoundBox, ...]
    objects: tuple[FoundObject, ...]
    labels: tuple[CardLabel, ...]
    image: ImageFacts
    score_threshold: float
    nms_threshold: float
    is_linked: bool
    record: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``detections.json``."""
        return {
            "format_version": FORMAT_VERSION,
            "image": self.image.to_json(),
            "labels": labels_json(self.labels),
            "score_threshold": self.score_threshold,
            "nms_threshold": self.nms_threshold,
            "boxes": [box.to_json(self.image.spacing_is_known) for box in self.boxes],
            "objects": [item.to_json() for item in self.objects],
        }


def labels_json(labels: tuple[CardLabel, ...]) -> list[dict[str, Any]]:
    """Return names, colours and codes of the labels, in the model's order."""
    return [{"name": label.name, "color": list(label.color), "terminology": label.terminology} for label in labels]
