"""The acquisition of a CT as its DICOM headers tell it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom

from mambamed.emphysema.acquisition import Acquisition
from mambamed.errors import BadRequestError

__all__ = ["read_acquisition", "refuse_other_modality"]


def read_acquisition(file: Path) -> Acquisition:
    """Read what one slice says; what is absent or empty is not known.

    Args:
        file: A DICOM file of the series.

    Raises:
        BadRequestError: The file is no CT.
    """
    header = pydicom.dcmread(file, stop_before_pixels=True, force=False)
    refuse_other_modality(header)
    kernel = _text(header, "ConvolutionKernel")
    return Acquisition(
        kernel=kernel,
        slice_thickness_mm=_positive(header, "SliceThickness"),
        kilovolt_peak=_positive(header, "KVP"),
        contrast=_contrast(header),
        manufacturer=_text(header, "Manufacturer"),
        scanner=_text(header, "ManufacturerModelName"),
        exposure_mas=_positive(header, "Exposure"),
        reconstruction=_reconstruction(header, kernel),
    )


def refuse_other_modality(header: Any) -> None:
    """Refuse what says that it is no CT.

    Raises:
        BadRequestError: With the modality that was found.
    """
    modality = str(header.get("Modality", "") or "").upper()
    if modality not in ("", "CT"):
        raise BadRequestError(f"The DICOM series has the modality {modality}, expected CT; choose a chest CT.")


def _text(header: Any, name: str) -> str | None:
    value = header.get(name)
    if value is None:
        return None
    words = [str(value)] if isinstance(value, str) else [str(part) for part in value]
    text = "\\".join(word.strip() for word in words).strip()
    return None if text.lower() in ("", "none", "unknown", "anonymous") else text


def _positive(header: Any, name: str) -> float | None:
    try:
        number = float(header.get(name))
    except (TypeError, ValueError):
        return None
    return number if number > 0 else None


def _contrast(header: Any) -> bool | None:
    """Agent given: true. The element there but empty: by DICOM, none or not known, so nothing is claimed."""
    agent = _text(header, "ContrastBolusAgent")
    if agent is None:
        return None
    return agent.upper() not in ("NO", "N", "NATIVE", "WITHOUT", "NON CONTRAST", "NO CONTRAST")


def _reconstruction(header: Any, kernel: str | None) -> str | None:
    """Iterative reconstruction as some makers name it in the kernel or the description."""
    if kernel is not None and kernel[:1] == "I" and kernel[1:3].isdigit():
        return "iterative (SAFIRE)"
    words = f"{_text(header, 'SeriesDescription') or ''} {_text(header, 'ProtocolName') or ''}".upper()
    for name in ("ASIR", "VEO", "IDOSE", "IMR", "AIDR", "FIRST", "ADMIRE", "SAFIRE", "TRUEFIDELITY", "AICE"):
        if name in words.replace("-", ""):
            return f"iterative ({name})"
    return None
