"""Colours of labels that colour-blind people can tell apart."""

from __future__ import annotations

__all__ = ["LABEL_COLOURS", "colour_of_label"]

LABEL_COLOURS: tuple[tuple[int, int, int], ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (148, 103, 189),
    (140, 86, 75),
    (23, 190, 207),
)
"""Red, green, blue, 0 to 255: the palette of Okabe and Ito, "Color Universal Design", 2008, then three further ones."""


def colour_of_label(value: int) -> tuple[int, int, int]:
    """Return the colour for a label value of 1 or more; the palette repeats."""
    return LABEL_COLOURS[(value - 1) % len(LABEL_COLOURS)]
