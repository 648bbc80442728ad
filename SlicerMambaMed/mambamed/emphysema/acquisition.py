"""How a CT was acquired, as far as it changes how density measures must be read. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["Acquisition"]


@dataclass(frozen=True)
class Acquisition:
    """What DICOM or a person says about a CT; None is "not known".

    Attributes:
        kernel: Reconstruction kernel as the manufacturer names it, for example ``B31f``, ``STANDARD``, ``FC01``.
        slice_thickness_mm: Nominal thickness of a slice in mm.
        kilovolt_peak: Tube voltage in kV.
        contrast: Whether contrast agent was given.
        manufacturer: Maker of the scanner.
        scanner: Model of the scanner.
        exposure_mas: Tube current times exposure time in mAs.
        reconstruction: Text on iterative or deep learning reconstruction, where it is known.
    """

    kernel: str | None = None
    slice_thickness_mm: float | None = None
    kilovolt_peak: float | None = None
    contrast: bool | None = None
    manufacturer: str | None = None
    scanner: str | None = None
    exposure_mas: float | None = None
    reconstruction: str | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        for name in ("kernel", "manufacturer", "scanner", "reconstruction"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, str(value).strip() or None)
        for name, lowest, highest in (
            ("slice_thickness_mm", 0.05, 50.0),
            ("kilovolt_peak", 20.0, 250.0),
            ("exposure_mas", 0.0, 100_000.0),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            try:
                number = float(value)
            except (TypeError, ValueError):
                number = float("nan")
            if not lowest <= number <= highest:
                raise BadRequestError(f"The {name} of the acquisition is {value}, expected {lowest:g} to {highest:g}.")
            object.__setattr__(self, name, number)
        if self.contrast is not None and not isinstance(self.contrast, bool):
            raise BadRequestError(f'"contrast" of the acquisition is {self.contrast!r}, expected true, false or null.')

    def to_json(self) -> dict[str, Any]:
        """Return the values as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Acquisition:
        """Read what ``to_json`` gave; missing names are not known.

        Raises:
            BadRequestError: Unknown names or values that cannot be meant.
        """
        known = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BadRequestError(
                f"Unknown values of an acquisition: {', '.join(unknown)}; known are {', '.join(sorted(known))}."
            )
        return cls(**values)

    def filled_by(self, other: Acquisition) -> Acquisition:
        """Return a copy in which what is not known here is taken from ``other``."""
        mine = {name: value for name, value in self.to_json().items() if value is not None}
        return Acquisition.from_json({**other.to_json(), **mine})
