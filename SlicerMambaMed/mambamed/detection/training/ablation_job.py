"""The job ``ablate-detection``: rows of the study, trained one after the other, and their table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import choose_rows
from mambamed.errors import BadRequestError

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]


def run(request: JobRequest, job: JobContext) -> None:
    """Train the rows of the request; a resumed job skips what is finished."""
    from mambamed.detection.training.ablation import ablation_table
    from mambamed.detection.training.ablation import run_ablation

    if set(request.settings) != {"training", "rows"}:
        raise BadRequestError(
            f"An ablation has the settings {', '.join(sorted(request.settings)) or 'none'}; expected training and rows."
        )
    settings = DetectionTrainingSettings.from_json(request.settings["training"])
    rows = choose_rows(request.settings["rows"])
    job.record.update(seed=settings.seed)
    work = job.directory / "training"
    work.mkdir(exist_ok=True)
    with job.record.timed("train"):
        results = run_ablation(settings, rows, work, job)
    table = ablation_table(results, rows)
    content = {"settings": settings.to_json(), "results": results, "table": table}
    job.output_path("ablation.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    lines = [f"**{table['title']}**", "", _line(table["columns"]), _line(["---"] * len(table["columns"]))]
    job.output_path("ablation.md").write_text("\n".join([*lines, *map(_line, table["rows"])]) + "\n", encoding="utf-8")
    job.record.add_output("table", "outputs/ablation.md")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
