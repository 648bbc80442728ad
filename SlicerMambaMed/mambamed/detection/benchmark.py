"""How well the methods find tiny crowded objects after the same short training, and what DCFL's settings change.

``mambamed bench detection``. With the variable ``MAMBAMED_BENCH_WORK``, a folder, it goes on there where it was
interrupted. Everything is small enough for one core of a CPU: the numbers compare the methods at this budget and say
nothing about a full training.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mambamed.detection.training.settings import PRESETS
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.study import STUDY_ROWS
from mambamed.detection.training.study import choose_rows
from mambamed.jobs.reporter import NullReporter

__all__ = ["ABLATION_SEEDS", "METHOD_SEEDS", "SETTINGS", "measure", "run", "summary"]

METHOD_SEEDS = (0, 1, 2)
ABLATION_SEEDS = (0,)

SETTINGS = DetectionTrainingSettings(
    **{
        **PRESETS["cpu"],
        "largest_offset": 0.0,
        "synthetic": "aerial",
        "synthetic_images": 240,
        "synthetic_test_images": 40,
        "synthetic_size_px": 96,
        "tile_px": 96,
        "feature_channels": 32,
        "epochs": 5,
        "device": "cpu",
        "threads": 1,
    }
)
"""240 pictures of 96 x 96 pixels, five passes, 300 steps of four pictures; the method as published."""


class _Saying(NullReporter):
    """Tells the log's lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def log(self, message: str) -> None:
        """Tell a line."""
        self._say(message)


def run(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure, see ``mambamed.cli.bench``."""
    kept = os.environ.get("MAMBAMED_BENCH_WORK")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        return summary(measure(Path(kept), say), SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        return summary(measure(Path(folder), say), SETTINGS)


def measure(
    work: Path,
    say: Callable[[str], None],
    settings: DetectionTrainingSettings = SETTINGS,
    method_seeds: Sequence[int] = METHOD_SEEDS,
    ablation_seeds: Sequence[int] = ABLATION_SEEDS,
) -> dict[str, list[dict[str, Any]]]:
    """Train the methods and the rows of the study's ablations; what is in ``work`` already is not trained again."""
    from mambamed.detection.training.ablation import run_ablation

    reporter = _Saying(say)
    return {
        "methods": run_ablation(settings, choose_rows(["method"]), work, reporter, method_seeds),
        "ablations": run_ablation(settings, choose_rows(["measure", "q", "g"]), work, reporter, ablation_seeds),
    }


def summary(results: dict[str, list[dict[str, Any]]], settings: DetectionTrainingSettings) -> dict[str, Any]:
    """Return the tables of ``mambamed.cli.bench``."""
    from mambamed.detection.training.ablation import ablation_table
    from mambamed.detection.training.ablation import mean_and_spread

    labels = sorted(key for key in results["methods"][0]["measures"][0] if key.startswith("ap50 "))
    keys = ["ap50", "ap75", "mean_sensitivity", *labels]
    first = results["methods"][0]["measures"]
    pictures = settings.synthetic_pictures
    return {
        "title": "Detection of tiny oriented objects",
        "tables": [
            {
                "title": f"The same short training, {len(first)} seeds: mean ± standard deviation",
                "columns": [
                    "method",
                    "AP50",
                    "AP75",
                    "mean sensitivity (FROC)",
                    *(f"AP50 {key[5:]}" for key in labels),
                ],
                "rows": [
                    [result["row"], *(mean_and_spread([one.get(key) for one in result["measures"]]) for key in keys)]
                    for result in results["methods"]
                ],
            },
            ablation_table(results["ablations"], STUDY_ROWS),
        ],
        "notes": [
            f"Pictures: synthetic ({settings.synthetic}), {pictures.size[0]} x {pictures.size[1]} pixels, "
            f"{settings.synthetic_images} to train, {settings.synthetic_test_images} others to measure "
            f"({first[0]['objects']} objects of 6 to 30 pixels, half of them in crowded rows).",
            f"Network: {settings.backbone} at {settings.width:g} of its width, {settings.feature_channels} channels, "
            f"finest stride {settings.finest_stride}; one square prior per cell for every method. Training: AdamW, "
            f"learning rate {settings.learning_rate:g}, {settings.epochs} passes in batches of {settings.batch_size}, "
            "weights from random numbers.",
            f"Ablations: {len(results['ablations'][0]['measures'])} seed(s); differences below the spread of the upper "
            "table mean nothing. Rows with the same settings are one training.",
            "The study's numbers are percent on its own data after a full training; they are printed for orientation "
            "and cannot be compared with the values measured here.",
        ],
        "data": {"settings": settings.to_json(), **results},
    }
