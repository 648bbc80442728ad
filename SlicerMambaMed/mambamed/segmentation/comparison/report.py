"""A comparison as JSON and as a page: the paper's tables, the paired tests, what each network took."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from mambamed.segmentation.comparison.compare import Comparison
from mambamed.segmentation.evaluation.report import TITLES
from mambamed.segmentation.evaluation.report import Table
from mambamed.segmentation.evaluation.report import label_table
from mambamed.segmentation.evaluation.report import markdown
from mambamed.segmentation.evaluation.report import method_table
from mambamed.segmentation.evaluation.report import scores_json

__all__ = ["CAUTION", "comparison_json", "comparison_page", "facts_table", "tests_table"]

CAUTION = (
    "A table like this compares the trainings that were run, at their length and on their data, and nothing beyond. "
    'Only a difference that the paired test shows is called one. "nnU-Net Revisited" (Isensee et al., 2024) found '
    "U-Mamba's gain over the same network without Mamba to be within ±0.25 Dice points on large data sets: choose by "
    "your own comparison."
)


def tests_table(comparison: Comparison) -> Table:
    """Return one row per metric and method: difference to the baseline, its interval, p, and the result in words."""
    baseline = comparison.settings.architectures[0]
    header = [f"Against {baseline}", "Metric", "Mean difference (95 % interval)", "p", "p (Holm)", "Cases", "Result"]
    rows = [
        [
            name,
            TITLES[metric],
            f"{test.mean_difference:+.4f} ({test.low:+.4f} to {test.high:+.4f})",
            f"{test.p:.3f}",
            f"{test.p_holm:.3f}",
            str(test.cases),
            test.verdict,
        ]
        for metric, tests in comparison.tests.items()
        for name, test in tests.items()
    ]
    return header, rows


def facts_table(comparison: Comparison) -> Table:
    """Return size and time of each network."""
    rows = [
        [
            name,
            f"{facts.parameters / 1e6:.2f}",
            f"{facts.training_seconds / 60:.1f}",
            f"{facts.prediction_seconds / max(1, facts.predicted_cases):.2f}",
        ]
        for name, facts in comparison.facts.items()
    ]
    return ["Methods", "Parameters (million)", "Training (min, all folds)", "Prediction (s per case)"], rows


def comparison_page(comparison: Comparison, title: str = "Comparison of networks") -> str:
    """Return everything as a Markdown page."""
    parts = [f"# {title}", markdown(method_table(comparison.methods)), markdown(label_table(comparison.methods))]
    if comparison.settings.instances:
        parts.pop()
    parts += ["Mean ± standard deviation over the cases.", markdown(tests_table(comparison))]
    parts += [
        "Wilcoxon's signed-rank test over the cases, corrected by Holm for the number of networks; interval by "
        "bootstrap over the cases.",
        markdown(facts_table(comparison)),
        CAUTION,
    ]
    return "\n\n".join(parts) + "\n"


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return everything as plain values; undefined numbers are null."""
    return {
        **scores_json(comparison.methods),
        "settings": comparison.settings.to_json(),
        "baseline": comparison.settings.architectures[0],
        "tests": {
            metric: {name: {**_plain(test), "result": test.verdict} for name, test in tests.items()}
            for metric, tests in comparison.tests.items()
        },
        "facts": {name: dataclasses.asdict(facts) for name, facts in comparison.facts.items()},
        "caution": CAUTION,
    }


def _plain(test: Any) -> dict[str, Any]:
    values = dataclasses.asdict(test)
    return {n: None if isinstance(v, float) and math.isnan(v) else v for n, v in values.items()}
