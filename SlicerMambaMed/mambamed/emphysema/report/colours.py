"""Colours of charts that colour-blind people can tell apart (Okabe and Ito, Color Universal Design, 2008)."""

from __future__ import annotations

__all__ = ["PATTERN_COLOURS", "SERIES_COLOURS"]

SERIES_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000", "#999999")

# From normal over the kinds to the severe: brightness falls with severity within the centrilobular kind.
PATTERN_COLOURS = {
    "NT": (189, 189, 189),
    "PS": (86, 180, 233),
    "PL": (204, 121, 167),
    "CL1": (240, 228, 66),
    "CL2": (230, 159, 0),
    "CL3": (213, 94, 0),
}
