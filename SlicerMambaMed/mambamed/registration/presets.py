"""Presets of a registration: settings that suit a kind of images, with the words a panel shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """Settings that suit a kind of images.

    Attributes:
        title: a few words for a list.
        description: one or two sentences: what it is for, what to take care of.
        values: fields of ``RegistrationSettings`` that differ from their defaults.
    """

    title: str
    description: str
    values: Mapping[str, Any] = field(default_factory=dict)


# MIND-SSC: docs/benchmarks/registration-capture.md finds its optima nearer to the truth on MR and CT.
PRESETS: Mapping[str, Preset] = {
    "head-mr-ct": Preset(
        "Head, MR and CT",
        "Rigid, from any pose within 40 degrees and 150 mm of aligned centres. If one volume shows the whole head and "
        "the other only the brain, give masks of the brain.",
        {"method": "mind-ssc", "transform": "rigid", "search": "global-wide", "initial": "centre"},
    ),
    "abdomen": Preset(
        "Abdomen, MR and CT",
        "An affine alignment within 10 degrees and 25 mm, then a dense deformation.",
        {"method": "mind-ssc", "transform": "deformable", "search": "global-narrow", "initial": "centre"},
    ),
    "ultrasound": Preset(
        "Ultrasound and MR or CT",
        "The fixed volume is the ultrasound. Rigid, within 10 degrees and 25 mm of the positions in the files (as a "
        "tracked probe gives them).",
        {
            "method": "mind-ssc",
            "transform": "rigid",
            "search": "global-narrow",
            "initial": "header",
            "working_spacing_mm": 1.0,
        },
    ),
    "same-modality": Preset(
        "Same modality",
        "Affine, with MIND-SSC, from the positions in the files.",
        {"method": "mind-ssc", "transform": "affine", "initial": "header", "stride": 2},
    ),
    "2d": Preset(
        "2D sections and pictures",
        "Affine in the plane, within 40 degrees of aligned centres. Both volumes have one slice.",
        {
            "method": "mind-ssc",
            "transform": "affine",
            "initial": "centre",
            "search": "global-wide",
            "translation_range_mm": 0.0,
            "stride": 2,
        },
    ),
    "custom": Preset("Custom", "Every setting as it is shown."),
}
"""Presets by name, in the order of a list."""
