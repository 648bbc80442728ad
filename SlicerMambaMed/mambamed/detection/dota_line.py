"""One line of DOTA's text. Standard library only: Slicer's own process imports it."""

from __future__ import annotations

from collections.abc import Sequence

from mambamed.errors import BadRequestError

__all__ = ["dota_line"]


def dota_line(corners: Sequence[Sequence[float]], label: str, difficult: int = 0) -> str:
    """Return ``x1 y1 x2 y2 x3 y3 x4 y4 class difficult``, hundredths of a pixel, with the end of the line.

    Args:
        corners: four (x, y), pixels.
        label: kind of object; its spaces become hyphens.
        difficult: 0 for an ordinary object.

    Raises:
        BadRequestError: the label is empty.
    """
    name = "-".join(label.split())
    if not name:
        raise BadRequestError("An object has an empty label; DOTA's text needs a name for each object.")
    numbers = " ".join(f"{value:.2f}" for corner in corners for value in corner)
    return f"{numbers} {name} {difficult}\n"
