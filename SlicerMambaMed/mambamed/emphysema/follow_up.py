"""Change between two scans of one patient, per region, with the volume taken into account.

Volume adjustment follows the sponge model: a lung holds the same tissue at any inspiration, so its densities fall as
its volume grows (Dirksen et al., AJRCCM 160 (1999) 1468; Shaker et al., Acta Radiol 45 (2004) 417). With air as density
0 (-1000 HU), every density of the earlier scan is multiplied by its volume over the later scan's volume before both
scans are compared; for LAA% this is done voxel by voxel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mambamed.emphysema.acquisition import Acquisition
from mambamed.emphysema.analysis_warning import AnalysisWarning
from mambamed.emphysema.density import RegionMeasures
from mambamed.emphysema.density import percent_below

__all__ = [
    "REPEATABILITY",
    "RegionChange",
    "acquisition_warning",
    "adjusted_hu",
    "compare_regions",
    "volume_warning",
]

_LARGEST_VOLUME_CHANGE_PERCENT = 10.0

REPEATABILITY: Mapping[str, tuple[float, str]] = {
    "volume_l": (0.42, "scan and re-scan within a week, Chong 2011"),
    "laa950_points": (1.6, "scan and re-scan within a week, Chong 2011"),
    "perc15_hu": (5.9, "scan and re-scan within a week, Chong 2011"),
    "adjusted_perc15_percent": (14.7, "low-dose scans three months apart, volume-corrected, Diciotti 2011"),
}
"""Changes of the whole lung up to these are within what two scans of an unchanged lung may differ.

Chong et al., Proc. SPIE 7963 (2011) 796339: 24 patients with emphysema scanned twice a week apart, mean absolute
differences 169 ml, 0.66 points of LAA-950, 2.4 HU of Perc15; 95 % of normally distributed differences lie within
1.96 sqrt(pi / 2) times that. Diciotti et al., Acad Radiol 18 (2011) 1403: 95 % limits of agreement in 131 persons;
the wider cohort's lower limit."""


@dataclass(frozen=True)
class RegionChange:
    """Change of one region, later minus earlier.

    Attributes:
        region: Name.
        volume_l: Change of the volume in litres.
        mass_g: Change of the mass.
        mean_hu: Change of the mean.
        laa950_points: Change of LAA-950 in percentage points, as measured.
        perc15_hu: Change of Perc15, as measured.
        adjusted_laa950_points: The same with the earlier scan adjusted to the later volume.
        adjusted_perc15_hu: The same for Perc15.
        adjusted_perc15_percent: Adjusted change of Perc15 as density, in percent of the earlier one.
        beyond_repeatability: Which changes exceed ``REPEATABILITY``; given for the whole lung only, else None.
    """

    region: str
    volume_l: float | None
    mass_g: float | None
    mean_hu: float | None
    laa950_points: float | None
    perc15_hu: float | None
    adjusted_laa950_points: float | None
    adjusted_perc15_hu: float | None
    adjusted_perc15_percent: float | None
    beyond_repeatability: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the values as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)


def adjusted_hu(values_hu: np.ndarray | float, volume_ratio: float) -> np.ndarray | float:
    """HU of the same lung at another volume; ``volume_ratio`` is its volume now over its volume then."""
    return (values_hu + 1000.0) * volume_ratio - 1000.0


def compare_regions(
    earlier: Mapping[str, RegionMeasures],
    later: Mapping[str, RegionMeasures],
    earlier_values_hu: Mapping[str, np.ndarray],
    whole: str,
) -> dict[str, RegionChange]:
    """Compare the regions that both scans have.

    Args:
        earlier: Measures of the earlier scan.
        later: Measures of the later scan.
        earlier_values_hu: Values of every voxel of each region in the earlier scan.
        whole: Name of the region for which the repeatability is known.

    Returns:
        Changes by region, in the later scan's order.
    """
    return {
        name: _change(name, earlier[name], measures, earlier_values_hu[name], name == whole)
        for name, measures in later.items()
        if name in earlier
    }


def _change(
    region: str, earlier: RegionMeasures, later: RegionMeasures, values_hu: np.ndarray, is_whole: bool
) -> RegionChange:
    if not earlier["voxels"] or not later["voxels"]:
        return RegionChange(region, *[None] * 8)
    ratio = earlier["volume_l"] / later["volume_l"]
    expected_perc15 = float(adjusted_hu(earlier["perc15_hu"], ratio))
    expected_laa = percent_below(np.asarray(adjusted_hu(values_hu.astype(np.float32), ratio)), -950.0)
    later_laa = later.get("laa950_percent")
    adjusted_perc15 = later["perc15_hu"] - expected_perc15
    density = expected_perc15 + 1000.0
    change = RegionChange(
        region,
        volume_l=later["volume_l"] - earlier["volume_l"],
        mass_g=later["mass_g"] - earlier["mass_g"],
        mean_hu=later["mean_hu"] - earlier["mean_hu"],
        laa950_points=None if later_laa is None else later_laa - earlier["laa950_percent"],
        perc15_hu=later["perc15_hu"] - earlier["perc15_hu"],
        adjusted_laa950_points=None if later_laa is None else later_laa - expected_laa,
        adjusted_perc15_hu=adjusted_perc15,
        adjusted_perc15_percent=100.0 * adjusted_perc15 / density if density > 0 else None,
    )
    if not is_whole:
        return change
    beyond = tuple(name for name, (limit, _) in REPEATABILITY.items() if abs(getattr(change, name) or 0.0) > limit)
    return dataclasses.replace(change, beyond_repeatability=beyond)


def volume_warning(change: RegionChange, later: RegionMeasures) -> AnalysisWarning | None:
    """Warn when the two breath-holds differ so much that densities as measured must not be compared."""
    if change.volume_l is None:
        return None
    percent = 100.0 * change.volume_l / (later["volume_l"] - change.volume_l)
    if abs(percent) <= _LARGEST_VOLUME_CHANGE_PERCENT:
        return None
    return AnalysisWarning(
        "follow-up",
        f"The lungs' volume changed by {percent:+.0f} % between the scans: the breath-holds differ, so read the "
        "volume-adjusted changes, and those with caution.",
    )


def acquisition_warning(earlier: Acquisition, later: Acquisition) -> AnalysisWarning | None:
    """Warn when two scans are known to have been made differently."""
    names = {
        "kernel": "kernel",
        "slice_thickness_mm": "slice thickness",
        "kilovolt_peak": "tube voltage",
        "contrast": "contrast",
        "manufacturer": "manufacturer",
        "scanner": "scanner",
        "reconstruction": "reconstruction",
    }
    before, now = earlier.to_json(), later.to_json()
    different = [
        f"{words} {before[name]} and {now[name]}"
        for name, words in names.items()
        if before[name] is not None and now[name] is not None and before[name] != now[name]
    ]
    if not different:
        return None
    return AnalysisWarning(
        "follow-up",
        f"The scans were made differently ({', '.join(different)}): changes of density may come from that alone.",
    )
