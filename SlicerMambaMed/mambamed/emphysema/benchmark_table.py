"""The measures of the severity model and its explanations as a page."""

from __future__ import annotations

from typing import Any

__all__ = ["benchmark_text"]

_SHOWN = (
    ("accuracy", "accuracy"),
    ("precision", "precision, mean over classes"),
    ("recall", "recall, mean over classes"),
    ("f1", "F1, mean over classes"),
    ("mae", "mean absolute error, classes"),
    ("rmse", "root mean square error, classes"),
    ("within_one_class", "within one class"),
    ("quadratic_kappa", "quadratic weighted kappa"),
    ("calibration_error", "expected calibration error"),
)

_POINTING_AIM = 0.95


def benchmark_text(result: dict[str, Any]) -> str:
    """Return the page (Markdown) of what ``run_benchmark`` gave."""
    severity = result["severity"]
    low, high = severity["accuracy_interval"]
    lines = [
        "# Emphysema severity and explanations on held-out phantoms",
        "",
        f"Model {result['model']['id']} {result['model']['version']}; {result['phantoms']} phantoms with seeds from "
        f"{result['first_seed']}, none of them in training. Phantoms, not patients: nothing here tells how the model "
        "does on real scans.",
        "",
        "```",
        "python -m mambamed.emphysema.benchmark --output docs/benchmarks",
        "```",
        "",
        "## Severity",
        "",
        "| | |",
        "|---|---|",
        *(f"| {words} | {severity[name]:.3f} |" for name, words in _SHOWN),
        f"| accuracy, 95 % interval (bootstrap) | {low:.3f} to {high:.3f} |",
        f"| called unlike the training scans | {100 * result['called_unlike']:.1f} % |",
        "",
        "Confusion (row: truth, column: found), " + ", ".join(result["classes"]) + ":",
        "",
        "```",
        *(" ".join(f"{count:4d}" for count in row) for row in severity["confusion"]),
        "```",
        "",
        "| phantoms | cases | accuracy | RMSE |",
        "|---|---|---|---|",
        *(
            f"| {group} | {values['cases']} | {values['accuracy']:.3f} | {values['rmse']:.3f} |"
            for group, values in result["by_group"].items()
        ),
        "",
        "## Explanations against the known lesions",
        "",
        "Pointing game: the highest value of the map lies in a lesion or the voxel (4 mm) beside it. Dice: of the "
        "lesions with as many voxels, those of the map's highest values. Mass: share of its sum inside the lesions. "
        "Chance: share of the lungs that the lesions take, which a random map would reach in Dice and mass.",
        "",
        "| method | severity | phantoms | pointing | Dice | mass | chance |",
        "|---|---|---|---|---|---|---|",
    ]
    for method, parts in result["explanations"].items():
        for name, values in parts.items():
            lines.append(
                f"| {method} | {name} | {values['phantoms']} | {100 * values['pointing']:.0f} % | "
                f"{values['dice']:.3f} | {values['mass']:.3f} | {values['chance']:.3f} |"
            )
    reached = [name for name, parts in result["explanations"].items() if parts["all"]["pointing"] >= _POINTING_AIM]
    lines += [
        "",
        f"Aim: the pointing game won on {100 * _POINTING_AIM:.0f} % of the phantoms. Methods that reach it: "
        f"{', '.join(reached) or 'none'}.",
        "",
        "## Checks of behaviour",
        "",
        "Mean over phantoms; completeness, randomisation and healthy control must stay at or below their limit, the "
        "others must reach it.",
        "",
        "| method | check | phantoms | mean | limit | passed |",
        "|---|---|---|---|---|---|",
    ]
    for method, checks in result["checks"].items():
        for name, values in checks.items():
            lines.append(
                f"| {method} | {name} | {values['phantoms']} | {values['mean']:.3f} | {values['limit']:.2f} | "
                f"{100 * values['passed']:.0f} % |"
            )
    return "\n".join(lines) + "\n"
