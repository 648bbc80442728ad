"""Annotations in the text of YOLO's oriented boxes.

A line is ``class x1 y1 x2 y2 x3 y3 x4 y4``: the number of a class from 0, and corners as shares of the image's width
and height.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.annotated_object import box_around
from mambamed.detection.annotations.annotated_object import is_numbers
from mambamed.detection.annotations.annotated_object import read_text
from mambamed.errors import BadRequestError

__all__ = ["read_yolo_obb_text"]

_FORM = "class x1 y1 x2 y2 x3 y3 x4 y4"
# An object that an image's border cuts may reach out of it, but pixels given for shares must not pass.
_LOWEST_SHARE, _HIGHEST_SHARE = -1.0, 2.0


def read_yolo_obb_text(
    path: str | Path, *, image_size: tuple[int, int], class_names: Sequence[str]
) -> list[AnnotatedObject]:
    """Read the objects of one image, as the smallest rectangles around their four corners; none is difficult.

    Args:
        path: the text file.
        image_size: the image's width and height, pixels.
        class_names: the label of class 0, 1, ...

    Raises:
        BadRequestError: a line is not of this form; the message names file and line.
    """
    width, height = image_size
    if width < 1 or height < 1:
        raise BadRequestError(f"The image has {width} x {height} pixels; give its width and height, at least 1.")
    path = Path(path)
    found = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if words := line.split():
            place = f"{path}, line {number}"
            label, shares = _label(words[0], class_names, place), _shares(words[1:], place)
            corners = [share * (height if index % 2 else width) for index, share in enumerate(shares)]
            found.append(AnnotatedObject(box_around(corners, label)))
    return found


def _label(word: str, class_names: Sequence[str], place: str) -> str:
    # Longer digits are no class; they are not turned into a number at all.
    if not (word.isascii() and word.isdigit() and len(word) <= 9) or int(word) >= len(class_names):
        raise BadRequestError(
            f"{place}: the class is {word!r:.100}; expected is a whole number from 0 to {len(class_names) - 1}."
        )
    return class_names[int(word)]


def _shares(words: list[str], place: str) -> list[float]:
    if len(words) != 8:
        raise BadRequestError(f"{place}: there are {len(words) + 1} words; expected is {_FORM}.")
    try:
        shares = [float(word) for word in words]
    except ValueError:
        shares = []
    if not is_numbers(shares, 8):
        raise BadRequestError(f"{place}: {' '.join(words)!r:.200} are not eight numbers; expected is {_FORM}.")
    if min(shares) < _LOWEST_SHARE or max(shares) > _HIGHEST_SHARE:
        raise BadRequestError(
            f"{place}: coordinates reach from {min(shares)} to {max(shares)}; expected are shares of the image's width "
            "and height, from 0 to 1, not pixels."
        )
    return shares
