"""The six texture classes of emphysema in local windows of a chest CT. Standard library only."""

from __future__ import annotations

__all__ = ["PATCH_SIZE", "PATTERN_CODES", "PATTERN_NAMES", "PATTERN_SPACING_MM"]

PATTERN_CODES = ("NT", "PS", "PL", "CL1", "CL2", "CL3")
"""In the order of the probabilities; value in label maps is the position plus 1."""

PATTERN_NAMES = {
    "NT": "normal tissue",
    "PS": "paraseptal emphysema",
    "PL": "panlobular emphysema",
    "CL1": "mild centrilobular emphysema",
    "CL2": "moderate centrilobular emphysema",
    "CL3": "severe centrilobular emphysema",
}

PATCH_SIZE = 31
"""Pixels along both axes of a patch."""

PATTERN_SPACING_MM = 0.6
"""Side of a pixel of the patches in the slice; assumed, since the data do not state it."""
