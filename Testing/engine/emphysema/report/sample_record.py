"""A run record as an analysis writes it, with every part filled, for the tests of the report."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["sample_record"]

_REGIONS = ("whole lung", "left lung", "right lung", "left upper third", "right lower third")


def _measures(index: int) -> dict[str, Any]:
    return {
        "volume_l": 5.123 - index,
        "mass_g": 812.4 - 100 * index,
        "mean_hu": -851.6 + index,
        "sd_hu": 101.2,
        "perc15_hu": -948.3,
        "perc10_hu": -955.0,
        "laa950_percent": 14.26 + index,
        "laa925_percent": 30.1,
        "laa910_percent": 41.7,
        "laa856_percent": 63.2,
        "haa_percent": 3.4,
        "cluster_count": 321 - index,
        "cluster_exponent": None if index == 3 else 1.52,
        "largest_cluster_ml": 12.3,
        "voxels": 100000,
    }


_RECORD: dict[str, Any] = {
    "schema_version": 1,
    "task": "emphysema",
    "inputs": [{"name": "ct", "path": "/scans/case <7> & co.nii.gz", "sha256": "0" * 64}],
    "settings": {"low_attenuation_thresholds_hu": [-950.0, -910.0], "seed": 0},
    "versions": {"mambamed": "0.1.0"},
    "finished": 1_750_000_000.0,
    "warnings": ["The kernel B70f is sharp: LAA-950 is too high.", "The slices are 5 mm thick <b>."],
    "acquisition": {
        "kernel": "B70f",
        "slice_thickness_mm": 5.0,
        "kilovolt_peak": 120.0,
        "contrast": False,
        "manufacturer": "SIEMENS",
        "scanner": None,
        "sources": {"kernel": "DICOM"},
    },
    "preparation": {"noise_filter": "off", "tracheal_air_calibration": "off", "trachea_mean_hu": -985.25},
    "regions": {name: _measures(index) for index, name in enumerate(_REGIONS)},
    "labels": {"regions": [{"value": 1, "name": "left upper third", "color": [86, 180, 233]}]},
    "patterns": {
        "percent": {
            "whole lung": {"NT": 61.0, "PS": 9.0, "PL": 10.0, "CL1": 8.0, "CL2": 7.0, "CL3": 5.0},
            "left lung": {"NT": 100.0, "PS": 0.0, "PL": 0.0, "CL1": 0.0, "CL2": 0.0, "CL3": None},
        },
        "model": {"id": "no-such-model"},
    },
    "severity": {
        "classes": ["none", "mild", "moderate", "severe"],
        "probabilities": [0.05, 0.25, 0.6, 0.1],
        "grade": "moderate",
        "expected_grade": 1.75,
        "spread": 0.7,
        "interval": [1, 3],
        "unlike_training": True,
        "unlike_training_score": 9.5,
        "unlike_training_limit": 4.0,
        "unlike_training_reason": "the lungs are smaller than any that it saw",
        "demonstration": True,
        "model": {
            "id": "demo",
            "version": "1.0.0",
            "card": {
                "id": "demo",
                "title": "Demonstration model",
                "demonstration_only": True,
                "limits": ["phantoms only", "not for patients"],
                "metrics": [
                    {"name": "accuracy", "value": 0.981, "measured_on": "phantoms", "how": "held out", "cases": 200}
                ],
            },
        },
    },
    "explanations": {
        "grad-cam": {
            "target_class": "moderate",
            "checks": [
                {"name": "pointing game", "value": 1.0, "limit": "at least 0.5", "passed": True, "meaning": "the peak"},
                {"name": "randomised weights", "value": 0.93, "limit": "below 0.5", "passed": False, "meaning": "bad"},
                {"name": "expert", "value": None, "limit": None, "passed": None, "meaning": "none was given"},
            ],
            "region_scores": {"left lung": 0.31, "right lung": 0.12},
        }
    },
    "change": {
        "regions": {
            "whole lung": {
                "volume_l": 0.9,
                "mass_g": -12.0,
                "mean_hu": -8.0,
                "laa950_points": 3.25,
                "perc15_hu": -9.0,
                "adjusted_laa950_points": 1.5,
                "adjusted_perc15_hu": -2.0,
                "adjusted_perc15_percent": -3.4,
                "beyond_repeatability": ["volume_l", "laa950_points"],
            }
        },
        "repeatability": {
            "laa950_points": {"limit": 1.6, "source": "a study"},
            "perc15_hu": {"limit": 5.9, "source": "a study"},
        },
    },
}


def sample_record(**changes: Any) -> dict[str, Any]:
    """Return a copy of the record with some fields replaced."""
    return {**copy.deepcopy(_RECORD), **changes}
