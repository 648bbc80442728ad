"""An object as an annotator marked it, and what all readers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mambamed.detection.geometry.corners import corners_to_boxes
from mambamed.detection.oriented_box import OrientedBox
from mambamed.errors import BadRequestError

__all__ = ["AnnotatedObject", "box_around", "is_numbers", "read_text"]

# Coordinates beyond this are no pixels, and their squares would overflow.
_LARGEST_COORDINATE = 1e9


@dataclass(frozen=True)
class AnnotatedObject:
    """An oriented box with the annotator's remark on it.

    Attributes:
        box: in le135, score 1.
        difficult: not to be counted when a detector finds or misses it.
    """

    box: OrientedBox
    difficult: bool = False


def box_around(corners: Sequence[float], label: str) -> OrientedBox:
    """Return the smallest rectangle, in le135, around x1 y1 ... x4 y4 in pixels."""
    points = torch.tensor(corners, dtype=torch.float64).reshape(4, 2)
    cx, cy, w, h, angle = corners_to_boxes(points).tolist()
    return OrientedBox(cx, cy, w, h, angle, label)


def is_numbers(values: object, count: int) -> bool:
    """Tell whether values from outside are a list of so many numbers that can be coordinates in an image."""
    if not isinstance(values, list) or len(values) != count:
        return False
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST_COORDINATE
        for value in values
    )


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        BadRequestError: it is not there, cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadRequestError(f"{path} cannot be read ({error.strerror}); give a file of annotations.") from error
    except UnicodeDecodeError as error:
        raise BadRequestError(f"{path} is not UTF-8 text (byte {error.start}); give a file of annotations.") from error
