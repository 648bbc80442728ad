"""What a detection has found, read from its JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from SlicerMambaMedLib.Text import tr as _

__all__ = ["FORMAT_VERSION", "Detection", "FoundItem"]

FORMAT_VERSION = 1
_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class FoundItem:
    """One object: a 3D box linked over slices, or a box on one slice.

    Attributes:
        number: its identifier, from 1.
        label: kind of object.
        score: 0 to 1.
        slices: first and last slice; None on a 2D image.
        center: RAS mm.
        axes: rows are unit vectors (RAS): along the length, along the width, across both; right-handed.
        sizeMm: extent along the axes; where the pixel size is not known, a pixel counts as 1 mm.
        angleDeg: direction of the length in the view, from x (to the right) towards y (down), 0 to below 180.
        boxes: its boxes as ``detections.json`` holds them; one for a box on one slice.
    """

    number: int
    label: str
    score: float
    slices: tuple[int, int] | None
    center: tuple[float, float, float]
    axes: tuple[tuple[float, ...], ...]
    sizeMm: tuple[float, float, float]
    angleDeg: float
    boxes: tuple[dict[str, Any], ...]

    @property
    def title(self) -> str:
        """Name for a node."""
        return f"{self.label} {self.number} ({self.score:.2f})"


@dataclass(frozen=True)
class Detection:
    """Everything that was found in one image.

    Attributes:
        items: the most certain first.
        colors: red, green, blue (0 to 1) by label, in the model's order.
        isLinked: whether the items are linked over slices.
        isSpacingKnown: whether lengths are millimetres; else they are pixels.
        scoreThreshold: least score of what was kept.
        plane: ``picture``, ``axial``, ``coronal``, ``sagittal`` or ``stored``.
    """

    items: tuple[FoundItem, ...]
    colors: dict[str, tuple[float, float, float]]
    isLinked: bool
    isSpacingKnown: bool
    scoreThreshold: float
    plane: str

    @classmethod
    def fromJson(cls, text: str) -> Detection:
        """Read the content of ``detections.json`` (docs/developer/detection.md).

        Raises:
            ValueError: it is something else, or of another version.
        """
        try:
            content = json.loads(text)
            if content["format_version"] != FORMAT_VERSION:
                found = content["format_version"]
                message = _("The detections are of version {found}; version {expected} can be read.")
                raise ValueError(message.format(found=found, expected=FORMAT_VERSION))
            image = content["image"]
            boxes = {box["id"]: box for box in content["boxes"]}
            isLinked = bool(content["objects"]) or any(box["object"] is not None for box in boxes.values())
            items = (
                [_linked(item, boxes) for item in content["objects"]]
                if isLinked
                else [_single(box) for box in boxes.values()]
            )
            scoreThreshold = float(content["score_threshold"])
            colors = {label["name"]: _color(label["color"]) for label in content["labels"]}
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(_("The detections cannot be read: {reason} is missing.").format(reason=error)) from error
        items.sort(key=lambda item: -item.score)
        isSpacingKnown = bool(image["spacing_is_known"])
        return cls(tuple(items), colors, isLinked, isSpacingKnown, scoreThreshold, str(image["plane"]))


def _single(box: dict[str, Any]) -> FoundItem:
    number = box["slice"]
    return _item(box, None if number is None else (int(number), int(number)), float(box["angle_deg"]), (box,))


def _linked(item: dict[str, Any], boxes: dict[int, dict[str, Any]]) -> FoundItem:
    members = tuple(boxes[number] for number in item["boxes"])
    clearest = max(members, key=lambda box: box["score"])
    return _item(item, (int(item["slices"][0]), int(item["slices"][1])), float(clearest["angle_deg"]), members)


def _item(
    content: dict[str, Any], slices: tuple[int, int] | None, angleDeg: float, boxes: tuple[dict[str, Any], ...]
) -> FoundItem:
    center = np.asarray(content["centre_lps_mm"], dtype=float) * _LPS
    axes = np.asarray(content["axes_lps"], dtype=float) * _LPS
    length, width, depth = (float(value) for value in content["size_mm"])
    return FoundItem(
        number=int(content["id"]),
        label=str(content["label"]),
        score=float(content["score"]),
        slices=slices,
        center=(float(center[0]), float(center[1]), float(center[2])),
        axes=tuple(tuple(float(value) for value in row) for row in axes),
        sizeMm=(length, width, depth),
        angleDeg=angleDeg,
        boxes=boxes,
    )


def _color(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) / 255.0 for value in values)
    return red, green, blue
