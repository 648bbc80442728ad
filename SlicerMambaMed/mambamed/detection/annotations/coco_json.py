"""Annotations in COCO's JSON, with boxes that have an angle or with outlines of four corners."""

from __future__ import annotations

import json
import math
from pathlib import Path
from pathlib import PurePosixPath
from pathlib import PureWindowsPath
from typing import Any

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.annotated_object import box_around
from mambamed.detection.annotations.annotated_object import is_numbers
from mambamed.detection.annotations.annotated_object import read_text
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError

__all__ = ["read_coco_json"]


def read_coco_json(
    path: str | Path, *, angle_unit: str = "degrees", counterclockwise: bool = True
) -> dict[str, list[AnnotatedObject]]:
    """Read the objects of all images.

    An annotation gives its box as ``bbox`` of five numbers, cx, cy, w, h in pixels and the angle, or as
    ``segmentation`` of one outline with four corners, or as COCO's plain ``bbox`` of four numbers, x, y, w, h from the
    upper left corner. The first of these that is there counts. ``iscrowd`` marks a difficult object.

    Args:
        path: the JSON file.
        angle_unit: of the five numbers' angle, "degrees" or "radians".
        counterclockwise: whether that angle turns against the clock as one looks at the image (as in Detectron2's
            XYWHA) or with it.

    Returns:
        File name of each image, relative to the images' folder, and its objects; images without objects are there too.

    Raises:
        BadRequestError: the file is not of this form; the message names the annotation.
        UnsafeFileError: an image's file name leads out of the images' folder.
    """
    if angle_unit not in ("degrees", "radians"):
        raise BadRequestError(f"The unit of angles is {angle_unit!r}; give degrees or radians.")
    path = Path(path)
    content = _content(path)
    names = _named(content, "images", "file_name", path)
    labels = _named(content, "categories", "name", path)
    for name in names.values():
        _refuse_outside(name, path)
    if len(set(names.values())) < len(names):
        raise BadRequestError(f"{path}: two images have the same file name; each needs its own.")
    unit = math.radians(1) if angle_unit == "degrees" else 1.0
    factor = -unit if counterclockwise else unit  # y points down: with the clock is from x towards y
    found: dict[str, list[AnnotatedObject]] = {name: [] for name in names.values()}
    for number, annotation in enumerate(content["annotations"]):
        place = f"{path}, annotation {annotation.get('id', number)}"
        image, label = _lookup(annotation, "image_id", names, place), _lookup(annotation, "category_id", labels, place)
        box = _box(annotation, label, factor, place)
        found[image].append(AnnotatedObject(box, difficult=bool(annotation.get("iscrowd", 0))))
    return found


def _content(path: Path) -> dict[str, list[dict[str, Any]]]:
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"{path} is not JSON ({error}); give COCO annotations.") from error
    for key in ("images", "categories", "annotations"):
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise BadRequestError(f"{path} has no list of objects {key!r}; give COCO annotations.")
    return content


def _named(content: dict[str, list[dict[str, Any]]], key: str, field: str, path: Path) -> dict[int | str, str]:
    """Return the text that belongs to each id of a list."""
    names: dict[int | str, str] = {}
    for entry in content[key]:
        identifier, name = entry.get("id"), entry.get(field)
        if not isinstance(identifier, (int, str)) or not isinstance(name, str) or not name or identifier in names:
            raise BadRequestError(f"{path}: {key} hold {entry!r:.200}; each needs an id of its own and a {field}.")
        names[identifier] = name
    return names


def _lookup(annotation: dict[str, Any], field: str, names: dict[int | str, str], place: str) -> str:
    identifier = annotation.get(field)
    if not isinstance(identifier, (int, str)) or identifier not in names:
        raise BadRequestError(f"{place}: the {field} {identifier!r:.100} is not among those that the file declares.")
    return names[identifier]


def _refuse_outside(name: str, path: Path) -> None:
    """Refuse names that, joined to a folder, would lead out of it on any system."""
    windows = PureWindowsPath(name)
    if windows.drive or windows.root or PurePosixPath(name).is_absolute() or ".." in windows.parts or "\0" in name:
        raise UnsafeFileError(f"{path}: the image {name!r} lies outside the folder of the images; give relative names.")


def _box(annotation: dict[str, Any], label: str, factor: float, place: str) -> OrientedBox:
    bbox, outlines = annotation.get("bbox"), annotation.get("segmentation")
    if is_numbers(bbox, 5):
        cx, cy, w, h, angle = (float(value) for value in annotation["bbox"])
        if w < 0 or h < 0:
            raise BadRequestError(f"{place}: the sides are {w} and {h} pixels; give no negative side.")
        return OrientedBox(cx, cy, w, h, angle * factor, label).in_le135()
    if isinstance(outlines, list) and len(outlines) == 1 and is_numbers(outlines[0], 8):
        return box_around(outlines[0], label)
    if is_numbers(bbox, 4):
        x, y, w, h = (float(value) for value in annotation["bbox"])
        if w < 0 or h < 0:
            raise BadRequestError(f"{place}: the sides are {w} and {h} pixels; give no negative side.")
        return OrientedBox(x + w / 2, y + h / 2, w, h, 0.0, label).in_le135()
    raise BadRequestError(
        f"{place}: there is neither a bbox of five numbers nor an outline of four corners nor a bbox of four numbers."
    )
