"""Tables of measured capture ranges, as Markdown, and the raw numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mambamed.registration.evidence.starts import BINS_MM
from mambamed.registration.evidence.tables import write_between_markers

__all__ = ["CONVERGED_MM", "capture_tables", "write_capture_report"]

CONVERGED_MM = 10.0
_NAMES = {"disa": "DISA-LC2", "mind-ssc": "MIND-SSC", "mattes": "Mattes MI", "lc2": "LC2"}


def capture_tables(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: one table per case, one line per method and search."""
    blocks = []
    for case in dict.fromkeys(result["case"] for result in results):
        own = [result for result in results if result["case"] == case]
        rotation, translation = own[0]["near"]
        near = f"±{rotation:g}°/{translation:g} mm"
        head = ["Method", "Search", *(f"{low:g}-{high:g} mm" for low, high in BINS_MM), near]
        head += ["median error", "evaluations", "CPU s", "optimum at"]
        lines = [f"### {own[0]['title']}", "", _row(head), _row(["---"] * len(head))]
        for result in own:
            for is_global in (False, True):
                runs = [run for run in result["runs"] if run["global"] is is_global]
                if runs:
                    lines.append(_row(_line(result, runs, is_global)))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def write_capture_report(results: Sequence[dict[str, Any]], stem: Path) -> None:
    """Write ``<stem>.json`` and the tables between the markers of ``<stem>.md`` (a new file holds nothing else)."""
    stem.with_suffix(".json").write_text(json.dumps(list(results), indent=1) + "\n", encoding="utf-8")
    markers = "<!-- capture tables -->", "<!-- end of capture tables -->"
    write_between_markers(stem.with_suffix(".md"), capture_tables(results), *markers)


def _line(result: dict[str, Any], runs: list[dict[str, Any]], is_global: bool) -> list[str]:
    cells = [_NAMES.get(result["method"], result["method"]), "global" if is_global else "local"]
    for group in (*range(len(BINS_MM)), -1):
        cells.append(_converged([run for run in runs if run["group"] == group]))
    good = [run["final_mm"] for run in runs if run["final_mm"] < CONVERGED_MM]
    cells.append(f"{np.median(good):.1f} mm" if good else "-")
    cells.append(f"{np.mean([run['evaluations'] for run in runs]):.0f}")
    cells.append(f"{np.mean([run['seconds'] for run in runs]) + result['preparation_seconds']:.1f}")
    cells.append("" if is_global else f"{result['optimum_error_mm']:.1f} mm")
    return cells


def _converged(runs: list[dict[str, Any]]) -> str:
    if not runs:
        return "-"
    good = sum(run["final_mm"] < CONVERGED_MM for run in runs)
    return f"{100 * good / len(runs):.0f} % ({good}/{len(runs)})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
