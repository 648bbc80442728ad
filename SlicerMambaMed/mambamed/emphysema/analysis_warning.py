"""Warnings of an analysis: what changes how its numbers must be read, the weightiest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["WARNING_KINDS", "AnalysisWarning", "ordered"]

WARNING_KINDS = (
    "truncated",
    "kernel",
    "slice-thickness",
    "contrast",
    "inspiration",
    "clipped",
    "segmentation",
    "severity",
    "patterns",
    "explanations",
    "follow-up",
    "resolution",
    "kilovolt-peak",
    "reconstruction",
    "manufacturer",
    "acquisition-unknown",
    "calibration",
    "noise",
    "grid",
    "dicom",
    "report",
)
"""All kinds, in order of importance."""


@dataclass(frozen=True)
class AnalysisWarning:
    """One warning.

    Attributes:
        kind: One of ``WARNING_KINDS``.
        message: A sentence for the reader of the numbers.
    """

    kind: str
    message: str

    def __post_init__(self) -> None:
        if self.kind not in WARNING_KINDS:
            raise ValueError(f"{self.kind!r} is no kind of warning")


def ordered(warnings: Iterable[AnalysisWarning]) -> tuple[AnalysisWarning, ...]:
    """Return the warnings without repetitions, the weightiest first."""
    return tuple(sorted(dict.fromkeys(warnings), key=lambda warning: WARNING_KINDS.index(warning.kind)))
