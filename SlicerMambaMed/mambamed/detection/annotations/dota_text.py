"""Annotations as DOTA's text files hold them (versions 1, 1.5 and 2 are alike).

A line is ``x1 y1 x2 y2 x3 y3 x4 y4 class difficult``, pixels. Lines such as ``imagesource:...`` and ``gsd:...`` may
come before. The number at the end may be missing; 0 is an ordinary object, every larger one a difficult one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mambamed.detection.annotations.annotated_object import AnnotatedObject
from mambamed.detection.annotations.annotated_object import box_around
from mambamed.detection.annotations.annotated_object import is_numbers
from mambamed.detection.annotations.annotated_object import read_text
from mambamed.detection.dota_line import dota_line
from mambamed.errors import BadRequestError

__all__ = ["read_dota_text", "write_dota_text"]

_HEADERS = ("imagesource:", "gsd:", "acquisition dates:")
_FORM = "x1 y1 x2 y2 x3 y3 x4 y4 class [difficult]"


def read_dota_text(path: str | Path) -> list[AnnotatedObject]:
    """Read the objects of one image, as the smallest rectangles around their four corners.

    Raises:
        BadRequestError: a line is not of DOTA's form; the message names file and line.
    """
    path = Path(path)
    lines = read_text(path).splitlines()
    return [_object(line.split(), f"{path}, line {number}") for number, line in enumerate(lines, 1) if _counts(line)]


def write_dota_text(path: str | Path, objects: Iterable[AnnotatedObject]) -> None:
    """Write objects with their corners in hundredths of a pixel; spaces in a label become hyphens."""
    lines = [dota_line(item.box.corners(), item.box.label, int(item.difficult)) for item in objects]
    Path(path).write_text("".join(lines), encoding="utf-8")


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.strip().lower().startswith(_HEADERS)


def _object(words: list[str], place: str) -> AnnotatedObject:
    if len(words) not in (9, 10):
        raise BadRequestError(f"{place}: there are {len(words)} words; expected is {_FORM}.")
    if len(words) == 10 and words[9] not in {"0", "1", "2"}:
        raise BadRequestError(f"{place}: the difficulty is {words[9]!r}; expected is 0, 1 or 2.")
    try:
        corners = [float(word) for word in words[:8]]
    except ValueError:
        corners = []
    if not is_numbers(corners, 8):
        raise BadRequestError(f"{place}: {' '.join(words[:8])!r} are not eight coordinates; expected is {_FORM}.")
    return AnnotatedObject(box_around(corners, words[8]), difficult=words[9:] not in ([], ["0"]))
