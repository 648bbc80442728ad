"""Phantoms as a data set for severity training: a folder of volumes and the CSV that names them."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.phantom.cases import draw_case
from mambamed.emphysema.phantom.generate import make_chest_phantom
from mambamed.emphysema.phantom.settings import SEVERITIES
from mambamed.emphysema.phantom.settings import ChestPhantomSettings
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter

__all__ = ["CSV_NAME", "HELD_OUT_SEED", "TRAINING_SEED", "make_phantom_dataset", "phantom_settings"]

CSV_NAME = "cases.csv"
TRAINING_SEED = 100_000
HELD_OUT_SEED = 900_000
_FIELD_OF_VIEW_MM = (336.0, 256.0, 336.0)


def phantom_settings(number: int, first_seed: int) -> ChestPhantomSettings:
    """Return the settings of one case: severities in turn, pattern, kernel, dose and voxel size drawn."""
    seed = first_seed + number
    random = np.random.default_rng((seed, 6))
    in_plane, thickness = float(random.uniform(3.0, 4.5)), float(random.uniform(3.0, 5.0))
    spacing = (in_plane, in_plane, thickness)
    width, depth, height = _FIELD_OF_VIEW_MM
    size = (round(width / in_plane), round(depth / in_plane), round(height / thickness))
    drawn = draw_case(seed, SEVERITIES[number % len(SEVERITIES)], ChestPhantomSettings(table=False))
    return dataclasses.replace(drawn, size=size, spacing_mm=spacing, contrast_agent=bool(random.random() < 0.2))


def make_phantom_dataset(
    folder: Path, count: int, first_seed: int = TRAINING_SEED, reporter: Reporter | None = None
) -> Path:
    """Write ``count`` phantoms (CT, lungs, lesions) and their CSV; cases that are there already are kept.

    Args:
        folder: New or partly filled folder.
        count: Number of phantoms, a quarter of each severity.
        first_seed: Seed of the first; each has its own.
        reporter: Hears progress and may cancel.

    Returns:
        Path of the CSV.
    """
    reporter = reporter or NullReporter()
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        reporter.check_cancelled()
        reporter.progress(f"making phantom {number + 1} of {count}", number / count)
        settings = phantom_settings(number, first_seed)
        name = f"phantom_{settings.seed}"
        files = {role: f"{name}_{role}.nii.gz" for role in ("ct", "lungs", "lesions")}
        if not (folder / f"{name}.json").is_file():
            phantom = make_chest_phantom(settings)
            lungs = sitk.Cast((phantom.labels == 1) + (phantom.labels == 2), sitk.sitkUInt8)
            for role, image in (("ct", phantom.ct), ("lungs", lungs), ("lesions", phantom.lesions)):
                sitk.WriteImage(image, str(folder / files[role]), useCompression=True)
            (folder / f"{name}.json").write_text(json.dumps(settings.to_json()), encoding="utf-8")
        rows.append({"patient": name, **files, "severity": settings.severity})
    path = folder / CSV_NAME
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["patient", "ct", "lungs", "lesions", "severity"])
        writer.writeheader()
        writer.writerows(rows)
    return path
