"""The job ``compare-segmentation``: networks trained on the same folds in one job directory, with their table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mambamed.segmentation.comparison.settings import ComparisonSettings

if TYPE_CHECKING:
    from mambamed.jobs.context import JobContext
    from mambamed.jobs.request import JobRequest

__all__ = ["run"]

_WORK_FOLDER = "training"


def run(request: JobRequest, job: JobContext) -> None:
    """Compare as the request says; a resumed attempt goes on with the network and epoch at which the last one ended."""
    from mambamed.segmentation.comparison.compare import compare_networks
    from mambamed.segmentation.comparison.report import comparison_json
    from mambamed.segmentation.comparison.report import comparison_page
    from mambamed.segmentation.evaluation.report import scores_csv

    settings = ComparisonSettings.from_json(request.settings)
    work = job.directory / _WORK_FOLDER
    with job.record.timed("compare"):
        comparison = compare_networks(settings, work, job)
    for role, name, text in (
        ("page", "compare.md", comparison_page(comparison)),
        ("scores", "compare.json", json.dumps(comparison_json(comparison), indent=1) + "\n"),
        ("cases", "scores.csv", scores_csv(comparison.methods)),
    ):
        Path(job.output_path(name)).write_text(text, encoding="utf-8")
        job.record.add_output(role, f"outputs/{name}")
    shutil.rmtree(work / "preprocessed", ignore_errors=True)
