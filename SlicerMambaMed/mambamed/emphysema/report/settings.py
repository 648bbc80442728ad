"""What a report job writes; standard library only, since Slicer's own process makes these."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["REPORT_FORMATS", "ReportSettings"]

REPORT_FORMATS = ("html", "pdf", "dicom-seg", "dicom-sr")


@dataclass(frozen=True)
class ReportSettings:
    """What is written of a result.

    Attributes:
        formats: of ``REPORT_FORMATS``; the DICOM ones need the series that the CT came from.
        case: name of the case for the heading.
    """

    formats: tuple[str, ...] = ("html", "pdf")
    case: str = ""

    def __post_init__(self) -> None:
        """Bring lists to tuples and refuse unknown formats."""
        object.__setattr__(self, "formats", tuple(self.formats))
        unknown = sorted(set(self.formats) - set(REPORT_FORMATS))
        if unknown or not self.formats:
            found = ", ".join(unknown) or "nothing"
            raise BadRequestError(f"A report was asked for as {found}; expected {', '.join(REPORT_FORMATS)}.")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "formats": list(self.formats)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ReportSettings:
        """Read what ``to_json`` gave.

        Raises:
            BadRequestError: Unknown names or formats.
        """
        unknown = sorted(set(values) - {entry.name for entry in dataclasses.fields(cls)})
        if unknown:
            raise BadRequestError(f"Unknown settings of a report: {', '.join(unknown)}; known are formats and case.")
        return cls(**values)
