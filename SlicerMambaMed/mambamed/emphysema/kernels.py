"""Reconstruction kernels of the large manufacturers, by how much noise they leave: soft, medium, sharp."""

from __future__ import annotations

import re

__all__ = ["kernel_sharpness"]

_GE_SOFT = ("STANDARD", "STND", "SOFT", "CHST", "CHEST")
_GE_MEDIUM = ("DETAIL",)
_GE_SHARP = ("LUNG", "BONE", "BONEPLUS", "EDGE", "ULTRA")
_PHILIPS_SOFT = ("A", "B", "SA", "SB", "XCA", "XCB")
_PHILIPS_MEDIUM = ("C", "SC")
_PHILIPS_SHARP = ("D", "E", "L", "Y", "F", "DETAIL", "YA", "YB", "YC", "YD", "YE", "XRES SHARP", "LUNG")
_SIEMENS = re.compile(r"^(?:[BHIJTUDQ][A-Z]?)(\d{2,3})")
_CANON = re.compile(r"^FC(\d{2})")

# Siemens numbers kernels by sharpness: 10 the softest, 31 and 36 used for density, from 40 visibly sharper, 50 and
# above for lung and bone detail. Canon and Toshiba: FC01-FC19 body, FC30-FC35 bone and ear, FC50-FC59 lung, FC80-FC86
# high resolution.
_SIEMENS_MEDIUM_FROM = 40
_SIEMENS_SHARP_FROM = 46
_CANON_SHARP = (range(30, 36), range(50, 60), range(80, 90))


def kernel_sharpness(kernel: str | None, manufacturer: str | None = None) -> str:
    """Classify a kernel.

    Args:
        kernel: Name in DICOM (0018,1210); of several values, separated by backslash or comma, the first counts.
        manufacturer: Name in DICOM (0008,0070); helps where one name means different things.

    Returns:
        ``soft`` (as density measures are made), ``medium``, ``sharp``, or ``unknown``.
    """
    name = re.split(r"[\\,;]", kernel or "")[0].strip().upper().strip("[]'\" ")
    if not name:
        return "unknown"
    maker = (manufacturer or "").upper()
    if match := _CANON.match(name):
        number = int(match.group(1))
        return "sharp" if any(number in numbers for numbers in _CANON_SHARP) else "soft"
    if "PHILIPS" not in maker and (match := _SIEMENS.match(name)):
        number = int(match.group(1)[:2])
        if number >= _SIEMENS_SHARP_FROM:
            return "sharp"
        return "medium" if number >= _SIEMENS_MEDIUM_FROM else "soft"
    for sharpness, names in (
        ("soft", _GE_SOFT + _PHILIPS_SOFT),
        ("medium", _GE_MEDIUM + _PHILIPS_MEDIUM),
        ("sharp", _GE_SHARP + _PHILIPS_SHARP),
    ):
        if name in names and not (name == "DETAIL" and "PHILIPS" in maker and sharpness == "medium"):
            return sharpness
    return "unknown"
