"""The part of the run record that an emphysema analysis adds, and its table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from mambamed.emphysema.density import RegionMeasures
from mambamed.emphysema.follow_up import REPEATABILITY
from mambamed.emphysema.follow_up import RegionChange
from mambamed.emphysema.labels import AIRWAY_LABELS
from mambamed.emphysema.labels import LOW_ATTENUATION_LABELS
from mambamed.emphysema.labels import THIRD_LABELS
from mambamed.emphysema.labels import lobe_labels
from mambamed.emphysema.labels import pattern_labels
from mambamed.emphysema.result import EmphysemaResult
from mambamed.emphysema.settings import EmphysemaSettings
from mambamed.jobs.record import package_versions

__all__ = ["change_csv", "make_record", "measures_csv", "measures_json"]


def make_record(
    result: EmphysemaResult, settings: EmphysemaSettings, lobes: Sequence[str], durations_s: Mapping[str, float]
) -> dict[str, Any]:
    """Collect all of a result that JSON can hold.

    Args:
        result: The result, its record still empty.
        settings: Settings that were used.
        lobes: Names of the lobes in the order of their values.
        durations_s: Seconds per part.
    """
    labels = {"regions": THIRD_LABELS, "airways": AIRWAY_LABELS, "low_attenuation": LOW_ATTENUATION_LABELS}
    if lobes:
        labels["lobes"] = lobe_labels(lobes)
    if result.patterns is not None:
        patterns = result.patterns
        labels["patterns"] = pattern_labels([f"{code}: {patterns.names.get(code, code)}" for code in patterns.codes])
    return {
        "versions": package_versions(),
        "settings": settings.to_json(),
        "seed": settings.seed,
        "durations_s": dict(durations_s),
        "warnings": [warning.message for warning in result.warnings],
        "warning_kinds": [{"kind": warning.kind, "message": warning.message} for warning in result.warnings],
        "labels": labels,
        "regions": {name: dict(measures) for name, measures in result.regions.items()},
        "acquisition": result.acquisition.to_json(),
        "preparation": result.preparation.to_json(),
        "severity": result.severity.to_json() if result.severity is not None else None,
        "patterns": None
        if result.patterns is None
        else {"percent": result.patterns.percent, "model": result.patterns.model},
        "explanations": {method: explanation.to_json() for method, explanation in result.explanations.items()},
        "change": change_json(result.change),
    }


def change_json(change: Mapping[str, RegionChange] | None) -> dict[str, Any] | None:
    """Return the changes and the repeatability limits, or None."""
    if change is None:
        return None
    return {
        "regions": {name: entry.to_json() for name, entry in change.items()},
        "repeatability": {name: {"limit": limit, "source": source} for name, (limit, source) in REPEATABILITY.items()},
    }


def measures_json(result: EmphysemaResult) -> dict[str, Any]:
    """Return measures and histograms of all regions."""
    return {
        "regions": {name: dict(measures) for name, measures in result.regions.items()},
        "histogram": {
            "edges_hu": result.histograms.edges_hu.tolist(),
            "voxels": {name: counts.tolist() for name, counts in result.histograms.counts.items()},
        },
        "acquisition": result.acquisition.to_json(),
        "preparation": result.preparation.to_json(),
    }


def measures_csv(regions: Mapping[str, RegionMeasures]) -> str:
    """Write a row per region; what cannot be given is left empty."""
    names = [name for name in next(iter(regions.values())) if name != "voxels"]
    rows = [
        [region, *[_cell(measures[name]) for name in names], measures["voxels"]] for region, measures in regions.items()
    ]
    return _table(["region", *names, "voxels"], rows)


def change_csv(change: Mapping[str, RegionChange]) -> str:
    """Write a row of changes per region."""
    first = next(iter(change.values())).to_json()
    names = [name for name in first if name not in ("region", "beyond_repeatability")]
    rows = []
    for region, entry in change.items():
        values = entry.to_json()
        beyond = entry.beyond_repeatability
        rows.append([region, *[_cell(values[name]) for name in names], "" if beyond is None else " ".join(beyond)])
    return _table(["region", *names, "beyond_repeatability"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: float | int | None) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
