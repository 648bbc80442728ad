"""Measures, patterns and grades in words: titles with units, numbers as they are printed. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

__all__ = [
    "PATTERN_NAMES",
    "measure_groups",
    "measure_text",
    "measure_title",
    "method_title",
    "number_text",
    "percent_text",
]

PATTERN_NAMES = {
    "NT": "normal tissue",
    "PS": "paraseptal emphysema",
    "PL": "panlobular emphysema",
    "CL1": "centrilobular, mild",
    "CL2": "centrilobular, moderate",
    "CL3": "centrilobular, severe",
}
_METHODS = {
    "attention": "Attention map",
    "grad-cam": "Grad-CAM",
    "integrated-gradients": "Integrated gradients",
}
_TITLES = {
    "volume_l": ("Volume (l)", 2),
    "mass_g": ("Mass (g)", 0),
    "mean_hu": ("Mean (HU)", 0),
    "sd_hu": ("SD (HU)", 0),
    "perc15_hu": ("Perc15 (HU)", 0),
    "perc10_hu": ("Perc10 (HU)", 0),
    "haa_percent": ("HAA (%)", 1),
    "cluster_count": ("Clusters", 0),
    "cluster_exponent": ("Exponent D", 2),
    "largest_cluster_ml": ("Largest cluster (ml)", 1),
    "voxels": ("Voxels", 0),
}
_LOW_ATTENUATION = re.compile(r"laa(\d+(?:_\d+)?)_percent")
_DENSITY = ("volume_l", "mass_g", "mean_hu", "sd_hu", "perc15_hu", "perc10_hu")
_LEFT_OUT = ("voxels", "region")


def measure_title(name: str) -> str:
    """Return the title of a measure for people, with its unit.

    Example:
        >>> measure_title("laa950_percent")
        'LAA−950 (%)'
    """
    if name in _TITLES:
        return _TITLES[name][0]
    match = _LOW_ATTENUATION.fullmatch(name)
    return f"LAA−{match[1].replace('_', '.')} (%)" if match else name.replace("_", " ")


def measure_text(name: str, value: Any) -> str:
    """Return a measure as it is printed; a dash where the region holds no voxel."""
    return number_text(value, _TITLES.get(name, ("", 1))[1])


def number_text(value: Any, decimals: int) -> str:
    """Return a number with a fixed count of decimals and a true minus sign; a dash for nothing."""
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.{decimals}f}".replace("-", "−")


def percent_text(share: Any) -> str:
    """Return a share (0 to 1) in percent."""
    return "–" if share is None else f"{100 * float(share):.1f} %"


def method_title(method: str) -> str:
    """Return the name of an explanation method for people."""
    return _METHODS.get(method, method)


def measure_groups(names: Iterable[str]) -> Mapping[str, list[str]]:
    """Sort the measures of a record into tables that fit a page: density, then low and high attenuation."""
    known = [name for name in names if name not in _LEFT_OUT]
    return {
        "density": [name for name in _DENSITY if name in known],
        "attenuation": [name for name in known if name not in _DENSITY],
    }
