"""Density measures of lung regions: one formula each, with the region's values as argument."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from mambamed.emphysema.clusters import cluster_sizes
from mambamed.emphysema.clusters import power_law_exponent

__all__ = [
    "RegionMeasures",
    "histogram",
    "mass_g",
    "measure_region",
    "percent_below",
    "percent_within",
    "percentile_hu",
    "volume_l",
]

HISTOGRAM_EDGES_HU = np.arange(-1100.0, 101.0, 10.0)


class RegionMeasures(Mapping[str, Any]):
    """Measures of one region by name: ``measures["laa950_percent"]`` and ``measures.laa950_percent`` are the same.

    A measure that cannot be given (no voxels, too few clusters) is None.
    """

    def __init__(self, values: Mapping[str, float | int | None]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._values:
            return self._values[name]
        raise AttributeError(f"there is no measure {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"RegionMeasures({self._values!r})"


def volume_l(voxels: int, voxel_ml: float) -> float:
    """Volume in litres."""
    return voxels * voxel_ml / 1000.0


def mass_g(values_hu: np.ndarray, voxel_ml: float) -> float:
    """Mass in grams: the density in g/ml is (HU + 1000) / 1000, and never below that of nothing."""
    return float(np.maximum(values_hu.astype(np.float64) + 1000.0, 0.0).sum() / 1000.0 * voxel_ml)


def percentile_hu(values_hu: np.ndarray, percent: float) -> float:
    """HU below which ``percent`` of the region lies, with linear interpolation between voxels."""
    return float(np.percentile(values_hu, percent))


def percent_below(values_hu: np.ndarray, threshold_hu: float) -> float:
    """Percentage of the region that is below a threshold (LAA%); the threshold itself does not count."""
    return 100.0 * float(np.count_nonzero(values_hu < threshold_hu)) / values_hu.size


def percent_within(values_hu: np.ndarray, lowest_hu: float, highest_hu: float) -> float:
    """Percentage of the region from ``lowest_hu`` to ``highest_hu``, both included (HAA%)."""
    return 100.0 * float(np.count_nonzero((values_hu >= lowest_hu) & (values_hu <= highest_hu))) / values_hu.size


def histogram(values_hu: np.ndarray) -> np.ndarray:
    """Voxels per 10 HU from -1100 to 100 HU; what is outside counts in the first or last bin."""
    clipped = np.clip(values_hu, HISTOGRAM_EDGES_HU[0], HISTOGRAM_EDGES_HU[-1])
    return np.histogram(clipped, bins=HISTOGRAM_EDGES_HU)[0]


def measure_region(
    ct_hu: np.ndarray,
    region: np.ndarray,
    spacing_mm: tuple[float, float, float],
    thresholds_hu: Sequence[float] = (-950.0, -925.0, -910.0, -856.0),
    high_attenuation_hu: tuple[float, float] = (-700.0, -250.0),
    cluster_threshold_hu: float = -950.0,
) -> RegionMeasures:
    """Measure one region.

    Args:
        ct_hu: HU, (z, y, x).
        region: bool, same shape.
        spacing_mm: (z, y, x).
        thresholds_hu: LAA% is given below each.
        high_attenuation_hu: Lowest and highest HU of HAA%.
        cluster_threshold_hu: Connected voxels below this are low attenuation clusters.

    Returns:
        ``voxels``, ``volume_l``, ``mass_g``, ``mean_hu``, ``sd_hu`` (of the population), ``perc15_hu``, ``perc10_hu``,
        ``laa950_percent``, ... per threshold, ``haa_percent``, ``cluster_count``, ``cluster_exponent``,
        ``largest_cluster_ml``.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    low_names = {float(threshold): f"laa{abs(threshold):g}_percent" for threshold in thresholds_hu}
    (box,) = ndimage.find_objects(region.astype(np.uint8)) or (None,)
    if box is None:
        names = ("mean_hu", "sd_hu", "perc15_hu", "perc10_hu", *low_names.values(), "haa_percent")
        last = {"cluster_count": 0, "cluster_exponent": None, "largest_cluster_ml": 0.0}
        return RegionMeasures({"voxels": 0, "volume_l": 0.0, "mass_g": 0.0, **dict.fromkeys(names), **last})
    inside = region[box]
    values = ct_hu[box][inside]
    sizes = cluster_sizes((ct_hu[box] < cluster_threshold_hu) & inside)
    return RegionMeasures(
        {
            "voxels": int(values.size),
            "volume_l": volume_l(values.size, voxel_ml),
            "mass_g": mass_g(values, voxel_ml),
            "mean_hu": float(values.mean(dtype=np.float64)),
            "sd_hu": float(values.std(dtype=np.float64)),
            "perc15_hu": percentile_hu(values, 15.0),
            "perc10_hu": percentile_hu(values, 10.0),
            **{name: percent_below(values, threshold) for threshold, name in low_names.items()},
            "haa_percent": percent_within(values, *high_attenuation_hu),
            "cluster_count": int(sizes.size),
            "cluster_exponent": power_law_exponent(sizes),
            "largest_cluster_ml": float(sizes.max()) * voxel_ml if sizes.size else 0.0,
        }
    )
