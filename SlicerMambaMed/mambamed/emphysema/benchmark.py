"""Measure the severity model and its explanations on held-out phantoms; writes ``emphysema.json`` and ``emphysema.md``.

Run it as ``python -m mambamed.emphysema.benchmark --output docs/benchmarks``. The phantoms have other seeds than those
of any training.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mambamed.emphysema.benchmark_table import benchmark_text
from mambamed.emphysema.explain.checks import ExplanationSubject
from mambamed.emphysema.explain.checks import check_against_reference
from mambamed.emphysema.explain.checks import check_behaviour
from mambamed.emphysema.explain.checks import top_region_dice
from mambamed.emphysema.explain.settings import INTEGRATION_STEPS
from mambamed.emphysema.explain.settings import METHODS
from mambamed.emphysema.severity.cases import volume_arrays
from mambamed.emphysema.severity.grading import look_at
from mambamed.emphysema.severity.metrics import measures
from mambamed.emphysema.severity.model import SeverityModel
from mambamed.emphysema.severity.model import load_severity_model
from mambamed.emphysema.severity.prepare import prepare_lungs
from mambamed.emphysema.severity.recipe import HELD_OUT_SEED
from mambamed.emphysema.severity.recipe import make_phantom_dataset
from mambamed.emphysema.severity.recipe import phantom_settings
from mambamed.imaging.reading import read_image

__all__ = ["run_benchmark"]

_REFERENCE_SHARE = 0.25
_LOW_DOSE = 0.5


def run_benchmark(
    model: SeverityModel, phantoms: Path, count: int, explained: int, checked: int, seed: int = 0
) -> dict[str, Any]:
    """Return all measures.

    Args:
        model: What is measured.
        phantoms: Folder for the phantoms; those that are there already are kept.
        count: Phantoms that are graded, a quarter of each severity.
        explained: How many of those with lesions are explained.
        checked: How many of the explained ones get all checks.
        seed: Of the checks.
    """
    make_phantom_dataset(phantoms, count, HELD_OUT_SEED)
    targets, probabilities, distances, groups = [], [], [], []
    placed: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    behaved: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    for number in range(count):
        settings = phantom_settings(number, HELD_OUT_SEED)
        name = f"phantom_{settings.seed}"
        ct, lungs, lesions = (
            read_image(phantoms / f"{name}_{role}.nii.gz", check=False) for role in ("ct", "lungs", "lesions")
        )
        hu, mask, spacing = volume_arrays(ct, lungs)
        lesion = volume_arrays(lesions, lungs)[0] > 0
        prepared = prepare_lungs(hu, mask, spacing, model.configuration)
        found, vector = look_at(model, prepared)
        targets.append(model.configuration.classes.index(settings.severity))
        probabilities.append(found)
        distances.append(model.likeness.distance(vector))
        groups.append((settings.kernel, "low dose" if settings.dose < _LOW_DOSE else "usual dose", settings.pattern))
        done = len(placed[METHODS[0]])
        if targets[-1] == 0 or done >= explained:
            continue
        reference = prepared.share_on_network_grid(lesion, mask) >= _REFERENCE_SHARE
        values = torch.from_numpy(prepared.values)[None, None].to(model.device)
        inside = torch.from_numpy(prepared.mask)[None, None].float().to(model.device)
        for method in METHODS:
            subject = ExplanationSubject(model.network, values, inside, targets[-1], method)
            shown = subject.explained(INTEGRATION_STEPS)
            array = shown.values.cpu().numpy()
            checks = {check.name: check for check in check_against_reference(array, reference, prepared.mask)}
            placed[method].append(
                {
                    "severity": float(targets[-1]),
                    "pointing": checks["pointing"].value,
                    "dice": top_region_dice(array, reference & prepared.mask, prepared.mask),
                    "mass": checks["mass"].value,
                    "chance": float((reference & prepared.mask).sum() / prepared.mask.sum()),
                }
            )
            if done < checked:
                behaved[method].append({check.name: check.to_json() for check in check_behaviour(subject, shown, seed)})
    true, likely = np.array(targets), np.array(probabilities)
    return {
        "model": {
            "id": model.card.id,
            "version": model.card.version,
            "weights_sha256": model.card.weights[0].sha256,
        },
        "phantoms": count,
        "first_seed": HELD_OUT_SEED,
        "classes": list(model.configuration.classes),
        "severity": measures(true, likely, seed),
        "by_group": {
            group: measures(true[chosen], likely[chosen], seed)
            for group in sorted({name for names in groups for name in names})
            if (chosen := np.array([group in names for names in groups])).any()
        },
        "called_unlike": float(np.mean(np.array(distances) > model.likeness.limit)),
        "explanations": {method: _placed_summary(rows) for method, rows in placed.items()},
        "checks": {method: _checks_summary(rows) for method, rows in behaved.items()},
    }


def _placed_summary(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Return means over phantoms, for all and by severity."""
    parts = {"all": rows}
    for value, name in ((1.0, "mild"), (2.0, "moderate"), (3.0, "severe")):
        parts[name] = [row for row in rows if row["severity"] == value]
    return {
        name: {
            "phantoms": len(part),
            **{key: float(np.mean([row[key] for row in part])) for key in ("pointing", "dice", "mass", "chance")},
        }
        for name, part in parts.items()
        if part
    }


def _checks_summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean value, limit and share of phantoms that pass, per check."""
    return {
        name: {
            "phantoms": len(rows),
            "mean": float(np.mean([row[name]["value"] for row in rows])),
            "limit": rows[0][name]["limit"],
            "passed": float(np.mean([row[name]["passed"] for row in rows])),
        }
        for name in (rows[0] if rows else {})
    }


def main() -> None:
    """Measure and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="emphysema-severity-demo", help="identifier or folder")
    parser.add_argument("--output", type=Path, required=True, help="folder for emphysema.json and emphysema.md")
    parser.add_argument("--phantoms", type=Path, help="folder of the phantoms (default: a temporary one)")
    parser.add_argument("--count", type=int, default=120, help="phantoms that are graded")
    parser.add_argument("--explained", type=int, default=24, help="of those with lesions, how many are explained")
    parser.add_argument("--checked", type=int, default=8, help="of the explained ones, how many get all checks")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    model = load_severity_model(arguments.model, arguments.device)
    with tempfile.TemporaryDirectory() as temporary:
        result = run_benchmark(
            model, arguments.phantoms or Path(temporary), arguments.count, arguments.explained, arguments.checked
        )
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "emphysema.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (arguments.output / "emphysema.md").write_text(benchmark_text(result), encoding="utf-8")


if __name__ == "__main__":
    main()
