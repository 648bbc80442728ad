"""Evaluations as JSON, CSV and tables in the form of the U-Mamba paper: Tables 3 and 4 (methods), 5 to 7 (organs)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

from mambamed.segmentation.evaluation.evaluate import Evaluation
from mambamed.segmentation.evaluation.evaluate import Summary

__all__ = ["label_table", "markdown", "method_table", "scores_csv", "scores_json"]

TITLES = {
    "dice": "DSC",
    "nsd": "NSD",
    "hd95_mm": "HD95 (mm)",
    "volume_error_ml": "Volume error (ml)",
    "area_error_mm2": "Area error (mm²)",
    "volume_error_percent": "Size error (%)",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "mean_iou": "Mean IoU",
}
"""Metric to its column title."""
_FRACTIONS = ("dice", "nsd", "f1", "precision", "recall", "mean_iou")
_PAPER_METRICS = ("dice", "nsd", "f1")

Table = tuple[list[str], list[list[str]]]
"""Header and rows of a table."""


def method_table(methods: Mapping[str, Evaluation]) -> Table:
    """Return one row per method: mean ± standard deviation over the cases (the paper's Tables 3 and 4)."""
    metrics = _defined(methods, next(iter(methods.values())).metrics)
    rows = [
        [name, *[_spread(method.overall(metric), metric) for metric in metrics], str(_cases(method))]
        for name, method in methods.items()
    ]
    return ["Methods", *[TITLES[metric] for metric in metrics], "Cases"], rows


def label_table(methods: Mapping[str, Evaluation], spread: bool = True) -> Table:
    """Return one row per label (organ) and a last one for their average (the paper's Tables 5 to 7).

    Several methods have DSC and NSD (or F1) each; a single one has all scores, with their spread.
    """
    first = next(iter(methods.values()))
    single = len(methods) == 1
    metrics = _defined(methods, first.metrics if single else [m for m in first.metrics if m in _PAPER_METRICS])
    header = ["Labels", *[TITLES[m] if single else f"{name} {TITLES[m]}" for name in methods for m in metrics]]
    show = _spread if spread and single else _plain
    rows = [
        [rule.name, *[show(method.summary(rule.name, m), m) for method in methods.values() for m in metrics]]
        for rule in first.labels
    ]
    if len(first.labels) > 1:
        rows.append(["Average", *[show(method.overall(m), m) for method in methods.values() for m in metrics]])
    return header, rows


def markdown(table: Table) -> str:
    """Return a table for a document."""
    header, rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def scores_csv(methods: Mapping[str, Evaluation]) -> str:
    """Return every score of every case, label and method as CSV; undefined ones are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns: list[str] = list(dict.fromkeys(n for m in methods.values() for row in m.rows for n in row.scores))
    writer.writerow(["method", "case", "label", *columns])
    for name, method in methods.items():
        for row in method.rows:
            values = [row.scores.get(column, math.nan) for column in columns]
            writer.writerow([name, row.case, row.label, *["" if math.isnan(v) else f"{v:.6g}" for v in values]])
    return text.getvalue()


def scores_json(methods: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return everything as plain values: per case and label, per label, overall, notes; undefined is null."""
    return {
        "schema_version": 1,
        "how": {
            "mean and standard deviation": "over the cases in which the score is defined; standard deviation with n-1",
            "overall": "over cases, of each case's mean over labels",
            "label absent in both": "Dice and NSD 1, the others undefined",
            "label absent in one": "Dice and NSD 0, HD95 undefined",
            "other grid": "brought onto the reference's with nearest neighbours; see notes",
            "F1": "instances matched one to one at IoU 0.5 or more",
        },
        "methods": {name: _method_json(method) for name, method in methods.items()},
    }


def _method_json(method: Evaluation) -> dict[str, Any]:
    def summaries(get: Any) -> dict[str, Any]:
        found = {metric: get(metric) for metric in method.metrics}
        return {
            metric: {"mean": _or_null(s.mean), "standard_deviation": _or_null(s.standard_deviation), "cases": s.cases}
            for metric, s in found.items()
        }

    return {
        "labels": [
            {
                "name": rule.name,
                "values": list(rule.values),
                "tolerance_mm": rule.tolerance_mm,
                "scores": summaries(lambda metric, name=rule.name: method.summary(name, metric)),
            }
            for rule in method.labels
        ],
        "overall": summaries(method.overall),
        "cases": [
            {"case": row.case, "label": row.label, **{name: _or_null(value) for name, value in row.scores.items()}}
            for row in method.rows
        ],
        "notes": list(method.notes),
        "missing": list(method.missing),
    }


def _defined(methods: Mapping[str, Evaluation], metrics: Any) -> list[str]:
    """Return the metrics that at least one method has a value of."""
    return [metric for metric in metrics if any(method.overall(metric).cases for method in methods.values())]


def _cases(method: Evaluation) -> int:
    return len({row.case for row in method.rows})


def _plain(summary: Summary, metric: str) -> str:
    if summary.cases == 0:
        return "–"
    return f"{summary.mean:.4f}" if metric in _FRACTIONS else f"{summary.mean:.2f}"


def _spread(summary: Summary, metric: str) -> str:
    if summary.cases == 0:
        return "–"
    digits = 4 if metric in _FRACTIONS else 2
    return f"{summary.mean:.{digits}f} ± {summary.standard_deviation:.{digits}f}"


def _or_null(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
