"""What was found and what was annotated, read from folders, by the names of the images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.coco_json import read_coco_json
from mambamed.detection.annotations.dota_text import read_dota_text
from mambamed.detection.annotations.hrsc_xml import read_hrsc_xml
from mambamed.detection.data_folder import IMAGE_FOLDERS
from mambamed.detection.data_folder import read_data_folder
from mambamed.detection.geometry.corners import corners_to_boxes
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = ["read_annotated_folder", "read_found_folder"]

_DETECTIONS = "detections.json"
_JOB_FOLDER = "outputs"


def read_found_folder(path: str | Path) -> dict[str, list[OrientedBox]]:
    """Read what ``mambamed detect`` or ``mambamed batch detection`` wrote.

    Args:
        path: a ``detections.json``; a folder with one; or a folder with a folder for each image.

    Returns:
        Boxes in pixels along the two stored axes in the plane, by image. An image has the name of its folder; of a
        volume that was cut into slices, each slice is an image ``NAME/slice_0012``.

    Raises:
        BadRequestError: there is none, or a file is damaged.
    """
    path = Path(path)
    if path.is_file():
        files = {_image_name(path): path}
    else:
        direct = [place for place in (path / _DETECTIONS, path / _JOB_FOLDER / _DETECTIONS) if place.is_file()]
        deeper = [*sorted(path.glob(f"*/{_DETECTIONS}")), *sorted(path.glob(f"*/{_JOB_FOLDER}/{_DETECTIONS}"))]
        files = {_image_name(file): file for file in direct[:1] or deeper}
    if not files:
        raise BadRequestError(
            f"There are no predictions in {path}; expected {_DETECTIONS}, or a folder with it for each image, as "
            "`mambamed batch detection` writes them."
        )
    found: dict[str, list[OrientedBox]] = {}
    for name, file in files.items():
        found.update(_read_found(file, name))
    return found


def read_annotated_folder(path: str | Path) -> dict[str, list[AnnotatedObject]]:
    """Read annotations by the names of the images.

    Args:
        path: a data folder as for training (see ``read_data_folder``); a folder of DOTA text files (``NAME.txt``, or
            ``NAME/slice_0012.txt`` for slices) or of HRSC2016 XML files; such a file; or a COCO JSON file.

    Raises:
        BadRequestError: there are none, or one is not of its form; the message names file and line.
    """
    path = Path(path)
    if path.is_dir():
        texts = sorted([*path.glob("*.txt"), *path.glob("*/slice_*.txt")])
        if texts:
            return {file.relative_to(path).with_suffix("").as_posix(): read_dota_text(file) for file in texts}
        if files := sorted(path.glob("*.xml")):
            return {file.stem: read_hrsc_xml(file) for file in files}
        if any((path / name).is_dir() for name in IMAGE_FOLDERS):
            return {image.name: list(image.objects) for image in read_data_folder(path)}
    elif path.suffix.lower() == ".json":
        return {Path(name).with_suffix("").as_posix(): list(items) for name, items in read_coco_json(path).items()}
    elif path.is_file():
        return {path.stem: read_hrsc_xml(path) if path.suffix.lower() == ".xml" else read_dota_text(path)}
    raise BadRequestError(
        f"There are no annotations in {path}; expected NAME.txt (DOTA) or NAME.xml (HRSC2016) for each image, a "
        "COCO .json file, or a folder as for training."
    )


def _image_name(file: Path) -> str:
    """Return the name of the image: of the folder that its results are in."""
    folder = file.resolve().parent
    return folder.parent.name if folder.name == _JOB_FOLDER else folder.name


def _read_found(file: Path, name: str) -> dict[str, list[OrientedBox]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return _boxes_by_slice(content, name)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRequestError(
            f"{file} is not what `mambamed detect` writes ({type(error).__name__}: {error}); make it again."
        ) from error


def _boxes_by_slice(content: Mapping[str, Any], name: str) -> dict[str, list[OrientedBox]]:
    slices = content["image"]["slices"]
    several = slices is not None and slices[0] != slices[1]
    numbers = range(int(slices[0]), int(slices[1]) + 1) if several else []
    found: dict[str, list[OrientedBox]] = {_slice_name(name, number): [] for number in numbers} or {name: []}
    for box in content["boxes"]:
        corners = torch.tensor(box["corners_px"], dtype=torch.float64)
        if corners.shape != (4, 2):
            raise ValueError(f"box {box['id']} has corners of the form {tuple(corners.shape)}")
        cx, cy, w, h, angle = corners_to_boxes(corners).tolist()
        place = _slice_name(name, int(box["slice"])) if several else name
        found[place].append(OrientedBox(cx, cy, w, h, angle, str(box["label"]), float(box["score"])))
    return found


def _slice_name(name: str, number: int) -> str:
    return f"{name}/slice_{number:04d}"
