"""Pairs of landmarks: reading them from files, and their distance after a transform."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.errors import BadRequestError

__all__ = ["landmark_errors_mm", "landmark_quality", "read_landmarks"]

_LARGEST_FILE_BYTES = 20_000_000


def landmark_errors_mm(
    transform: sitk.Transform, fixed_points: Sequence[Sequence[float]], moving_points: Sequence[Sequence[float]]
) -> np.ndarray:
    """Distance in mm between each transformed fixed landmark and its moving partner (LPS mm), shape (N,)."""
    if len(fixed_points) != len(moving_points):
        raise BadRequestError(
            f"There are {len(fixed_points)} fixed and {len(moving_points)} moving landmarks; they must form pairs."
        )
    moved = [transform.TransformPoint([float(value) for value in point]) for point in fixed_points]
    return np.linalg.norm(np.asarray(moved).reshape(-1, 3) - np.asarray(moving_points).reshape(-1, 3), axis=1)


def landmark_quality(
    before: sitk.Transform,
    after: sitk.Transform,
    fixed_points: Sequence[Sequence[float]],
    moving_points: Sequence[Sequence[float]],
) -> dict[str, Any]:
    """Landmark errors before and after a registration, each pair and the mean, in mm."""
    errors = {
        name: landmark_errors_mm(transform, fixed_points, moving_points)
        for name, transform in (("before", before), ("after", after))
    }
    result: dict[str, Any] = {f"{name}_mm": [float(value) for value in values] for name, values in errors.items()}
    return {**result, **{f"{name}_mean_mm": float(values.mean()) for name, values in errors.items()}}


def read_landmarks(path: str | Path) -> list[tuple[float, float, float]]:
    """Read points from a Slicer markups file (``.mrk.json``, ``.fcsv``) or a CSV table.

    A CSV table has the columns x, y, z in LPS mm, with or without a header (with one, columns of these names are
    taken).

    Returns:
        Points in LPS mm, in the order of the file.

    Raises:
        BadRequestError: not such a file, or no points in it.
    """
    file = Path(path)
    if not file.is_file():
        raise BadRequestError(f"The landmarks {file} do not exist; check the path.")
    if file.stat().st_size > _LARGEST_FILE_BYTES:
        raise BadRequestError(f"The file {file.name} is too large to be a list of landmarks; check the path.")
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".json":
            points = _from_markups(json.loads(text))
        elif file.suffix.lower() == ".fcsv":
            points = _from_fcsv(text)
        else:
            points = _from_table(text)
    except (UnicodeDecodeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadRequestError(
            f"The file {file.name} is not a list of landmarks that can be read; expected .mrk.json, .fcsv, or .csv "
            "with the columns x, y, z (LPS, mm)."
        ) from error
    if not points or not all(math.isfinite(value) for point in points for value in point):
        raise BadRequestError(f"There are no landmarks with finite positions in {file.name}; choose another file.")
    return points


def _from_markups(content: Any) -> list[tuple[float, float, float]]:
    points = []
    for markup in content["markups"]:
        # The format's own default is LPS; "RAS" and 0 mean the other.
        flips = str(markup.get("coordinateSystem", "LPS")).upper() in ("RAS", "0")
        for control in markup["controlPoints"]:
            if control.get("positionStatus", "defined") == "defined":
                points.append(_point(control["position"], flips))
    return points


def _from_fcsv(text: str) -> list[tuple[float, float, float]]:
    flips, points = True, []
    for line in text.splitlines():
        if line.lower().startswith("# coordinatesystem"):
            # Old files number the systems: 0 is RAS, 1 is LPS.
            flips = line.split("=")[1].strip().upper() not in ("LPS", "1")
        elif line.strip() and not line.startswith("#"):
            points.append(_point(line.split(",")[1:4], flips))
    return points


def _from_table(text: str) -> list[tuple[float, float, float]]:
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    columns = [0, 1, 2]
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "x" in header:
        columns = [header.index(name) for name in ("x", "y", "z")]
        rows = rows[1:]
    elif rows and not _is_number(header[0]):
        rows = rows[1:]
    return [_point([row[column] for column in columns]) for row in rows]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _point(values: Sequence[Any], flips: bool = False) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return (-x, -y, z) if flips else (x, y, z)
