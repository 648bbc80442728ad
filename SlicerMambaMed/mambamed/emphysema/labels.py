"""Names and colours of the label maps; colours that colour-blind people can tell apart (after Okabe and Ito)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mambamed.emphysema.lungs.thirds import REGION_NAMES

__all__ = ["AIRWAY_LABELS", "LOW_ATTENUATION_LABELS", "THIRD_LABELS", "lobe_labels", "pattern_labels"]

_THIRD_COLOURS = ((86, 180, 233), (0, 114, 178), (0, 63, 115), (240, 190, 90), (230, 159, 0), (150, 90, 0))
_LOBE_COLOURS = ((86, 180, 233), (0, 114, 178), (240, 228, 66), (230, 159, 0), (213, 94, 0))
_PATTERN_COLOURS = ((0, 158, 115), (204, 121, 167), (213, 94, 0), (240, 228, 66), (230, 159, 0), (160, 50, 30))


def _label(value: int, name: str, colour: Sequence[int]) -> dict[str, Any]:
    return {"value": value, "name": name, "color": list(colour)}


THIRD_LABELS = [
    _label(value, name, colour) for (value, name), colour in zip(REGION_NAMES.items(), _THIRD_COLOURS, strict=True)
]
AIRWAY_LABELS = [_label(1, "trachea and main airways", (0, 158, 115))]
LOW_ATTENUATION_LABELS = [_label(1, "low attenuation area", (213, 94, 0))]


def lobe_labels(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the labels of lobes, 1 for the first name, ..."""
    return [
        _label(value, name, _LOBE_COLOURS[(value - 1) % len(_LOBE_COLOURS)])
        for value, name in enumerate(names, start=1)
    ]


def pattern_labels(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the labels of the local patterns, 1 for the first name, ..."""
    return [
        _label(value, name, _PATTERN_COLOURS[(value - 1) % len(_PATTERN_COLOURS)])
        for value, name in enumerate(names, start=1)
    ]
