"""Settings of a chest CT phantom: one value that makes one scan, checked once. Standard library only."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["EXTENT_RANGES_PERCENT", "KERNELS", "LABELS", "PATTERNS", "SEVERITIES", "ChestPhantomSettings"]

PATTERNS = ("none", "centrilobular", "paraseptal", "panlobular")
"""Kinds of lesions; the position of a kind is its value in the lesion mask."""

SEVERITIES = ("none", "mild", "moderate", "severe")

EXTENT_RANGES_PERCENT = {
    "centrilobular": {"mild": (2.5, 6.0), "moderate": (11.0, 18.0), "severe": (27.0, 45.0)},
    "paraseptal": {"mild": (2.5, 6.0), "moderate": (10.0, 15.0), "severe": (24.0, 30.0)},
    "panlobular": {"mild": (3.0, 6.0), "moderate": (11.0, 18.0), "severe": (28.0, 60.0)},
}
"""Share of the lungs that lesions take, by kind and severity. Mild ends below 8 %, moderate below 22 %; the ranges keep
away from these limits. Paraseptal lesions lie in one row below the pleura and reach less."""

KERNELS = ("smooth", "standard", "sharp")

LABELS = {"left lung": 1, "right lung": 2, "airways": 3}
"""Values of the label map; lung means the patient's own side, airways are trachea and bronchi with their walls."""


@dataclass(frozen=True)
class ChestPhantomSettings:
    """What one phantom is. Equal settings make equal volumes.

    The patient follows from ``seed``, ``pattern`` and ``extent_percent`` alone: with another spacing, kernel or dose it
    is another scan of the same patient.

    Attributes:
        seed: Of anatomy and lesions.
        size: Voxels along x, y, z.
        spacing_mm: Voxel size along x, y, z; z is the slice thickness.
        direction: Nine direction cosines (LPS), row by row; None is the identity.
        centre_mm: Position in space (LPS) of the middle of the volume, which is the middle of the thorax.
        pattern: ``none``, ``centrilobular``, ``paraseptal`` or ``panlobular``.
        extent_percent: Share of the lungs that lesions take; 0 exactly if the pattern is ``none``.
        kernel: ``smooth``, ``standard`` or ``sharp``.
        dose: Relative to a standard dose; noise goes with its inverse square root.
        noise_seed: Of the scan's noise; None follows from ``seed``.
        contrast_agent: Whether blood is enhanced.
        table: Whether the scanner's table shows.
        bowel_gas: Whether the stomach holds gas, close below the left lung.
        anterior_gap_mm: Tissue between the lungs at the anterior junction; None draws 1.5 to 8 mm.
        outside_value: HU outside the round field of view, for example -2000 or -3024; None has no such region.
    """

    seed: int = 0
    size: tuple[int, int, int] = (96, 72, 96)
    spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0)
    direction: tuple[float, ...] | None = None
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pattern: str = "none"
    extent_percent: float = 0.0
    kernel: str = "standard"
    dose: float = 1.0
    noise_seed: int | None = None
    contrast_agent: bool = False
    table: bool = True
    bowel_gas: bool = True
    anterior_gap_mm: float | None = None
    outside_value: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no phantom.

        Raises:
            BadRequestError: A value is out of range.
        """
        for name, allowed in (("pattern", PATTERNS), ("kernel", KERNELS)):
            if getattr(self, name) not in allowed:
                raise BadRequestError(
                    f"The {name} of the phantom is {getattr(self, name)!r}; expected one of: {', '.join(allowed)}."
                )
        if self.seed < 0:
            raise BadRequestError(f"The seed of the phantom is {self.seed}; expected 0 or more.")
        if len(self.size) != 3 or min(self.size) < 2:
            raise BadRequestError(f"The phantom's size is {self.size}; expected three numbers of at least 2 voxels.")
        if len(self.spacing_mm) != 3 or not all(math.isfinite(v) and 0.1 <= v <= 20.0 for v in self.spacing_mm):
            raise BadRequestError(f"The spacing of the phantom is {self.spacing_mm}; expected three of 0.1 to 20 mm.")
        if not 0.01 <= self.dose <= 100.0:
            raise BadRequestError(f"The dose of the phantom is {self.dose}; expected 0.01 to 100 (1 is standard).")
        if not 0.0 <= self.extent_percent <= 70.0 or (self.pattern == "none") != (self.extent_percent == 0.0):
            raise BadRequestError(
                f"The phantom's pattern is {self.pattern!r} with an extent of {self.extent_percent} %; expected "
                "'none' with 0, or a kind of lesion with more than 0 and at most 70 %."
            )

    @property
    def severity(self) -> str:
        """Severity that the extent means: below 8 % mild, below 22 % moderate."""
        if self.extent_percent == 0.0:
            return "none"
        return "mild" if self.extent_percent < 8.0 else "moderate" if self.extent_percent < 22.0 else "severe"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)
