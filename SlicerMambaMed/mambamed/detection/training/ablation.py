"""Rows of the reproduction study trained on the user's data, as a table beside the study's numbers."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mambamed.detection.training.data import prepare_data
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import StudyRow
from mambamed.detection.training.training import train_on
from mambamed.jobs.files import read_json
from mambamed.jobs.files import write_json_atomically
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter_part import ReporterPart

__all__ = ["ablation_table", "mean_and_spread", "run_ablation"]

_COLUMNS = (
    "row",
    "AP50 here",
    "AP75 here",
    "study: DOTA-v2.0 val mAP %",
    "study: HRSC2016 mAP %",
    "paper, cited by the study: DOTA-v2.0 mAP %",
)


def run_ablation(
    settings: DetectionTrainingSettings,
    rows: Sequence[StudyRow],
    work: Path,
    reporter: Reporter,
    seeds: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Train and measure each row on the same data; a row that was finished before in ``work`` is not trained again.

    Rows with the same settings are trained once.

    Args:
        settings: of every row, but for what the row changes.
        rows: of the study.
        work: for pictures, checkpoints and results.
        reporter: hears progress, may cancel or stop; a stopped row goes on where it was.
        seeds: of the trainings of each row; by default the settings' own.

    Returns:
        For each row its name and, for each seed, its measures.
    """
    data = prepare_data(settings, work)
    seeds = list(seeds) if seeds is not None else [settings.seed]
    results = []
    for number, row in enumerate(rows):
        measured = []
        for place, seed in enumerate(seeds):
            changed = settings.replace(**row.changes, seed=seed)
            part = (number * len(seeds) + place) / (len(rows) * len(seeds)), 1 / (len(rows) * len(seeds))
            folder = work / "rows" / _folder_name(changed, seed)
            result = folder / "measures.json"
            if not result.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                step = ReporterPart(reporter, part[0], part[0] + part[1])
                _, report = train_on(data, changed, folder, step, resume=True, stage=f"{row.name}, seed {seed}")
                write_json_atomically(result, report["test"])
            measured.append({"seed": seed, **read_json(result)})
        results.append({"row": row.name, "measures": measured})
    return results


def _folder_name(settings: DetectionTrainingSettings, seed: int) -> str:
    """Return a name that rows with the same settings share."""
    method = settings.method_settings
    parts = [settings.method, settings.backbone, f"seed{seed}"]
    if settings.method == "dcfl":
        parts += [method.measure, f"k{method.k}", f"q{method.q}", f"g{method.g:g}"]
    return "-".join(parts)


def ablation_table(results: Sequence[dict[str, Any]], rows: Sequence[StudyRow]) -> dict[str, Any]:
    """Return ``title``, ``columns`` and ``rows`` of texts: what was measured here beside what the study printed."""
    by_name = {row.name: row for row in rows}
    lines = []
    for result in results:
        row = by_name[result["row"]]
        cited = [getattr(row, field.name) for field in dataclasses.fields(row) if field.name.endswith("_percent")]
        measured = [mean_and_spread([one.get(key) for one in result["measures"]]) for key in ("ap50", "ap75")]
        lines.append([row.name, *measured, *("-" if value is None else f"{value:.1f}" for value in cited)])
    return {
        "title": "Rows of the study: measured here, and the numbers that the study printed for its data (not ours)",
        "columns": list(_COLUMNS),
        "rows": lines,
    }


def mean_and_spread(values: Sequence[float | None]) -> str:
    """Return the mean of the known values and, of several, their standard deviation."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    if len(known) == 1:
        return f"{known[0]:.3f}"
    return f"{statistics.mean(known):.3f} ± {statistics.stdev(known):.3f}"
