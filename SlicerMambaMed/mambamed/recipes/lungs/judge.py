"""Measure a lung model on scans that it never saw: real ones from a folder, and phantoms of other seeds.

Run it as ``python -m mambamed.recipes.lungs.judge --data DIR --output FILE [--model DIR]`` where ``DIR`` holds some of
the scans in ``SCANS``. Each scan is compared with the classical segmentation of ``mambamed.emphysema.lungs`` (threshold
and region growing) and, where there is one, with the label map that came with it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.lungs.segment import segment_lungs
from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.models.lung_labels import LUNG_LABELS
from mambamed.recipes.lungs.dataset import draw_phantom
from mambamed.segmentation.evaluation.evaluate import summarise
from mambamed.segmentation.evaluation.masks import score_masks

__all__ = ["HELD_OUT_SEED", "SCANS", "Scan", "classical_lungs", "judge_model", "markdown_table"]

HELD_OUT_SEED = 20154
PHANTOMS = 10
TOLERANCE_MM = 4.0
"""One voxel of the model."""


@dataclass(frozen=True)
class Scan:
    """A real scan: file, and the label map that came with it (None if none did) with its meaning."""

    name: str
    file: str
    labels_file: str | None = None
    meaning: Callable[[np.ndarray], np.ndarray] | None = None


def _chest_imaging_platform(values: np.ndarray) -> np.ndarray:
    """Regions 9-11 are the left thirds, 12-14 the right ones; type (second byte) 2 is airway."""
    region, kind = values & 255, values >> 8
    labels = np.where(np.isin(region, (9, 10, 11)), 1, np.where(np.isin(region, (12, 13, 14)), 2, 0))
    return np.where(kind == 2, 3, labels).astype(np.uint8)


def _total_segmentator(values: np.ndarray) -> np.ndarray:
    """Lobes 10 and 11 are left, 12 to 14 right; 16 is the trachea."""
    labels = np.where(np.isin(values, (10, 11)), 1, np.where(np.isin(values, (12, 13, 14)), 2, 0))
    return np.where(values == 16, 3, labels).astype(np.uint8)


SCANS = (
    Scan("Lung-PET-CT-Dx A0001, soft kernel, 5 mm", "chest_ct/lungpetctdx_A0001_kernelB.nii.gz"),
    Scan("Lung-PET-CT-Dx A0001, sharp kernel, 5 mm", "chest_ct/lungpetctdx_A0001_kernelL_half.nii.gz"),
    Scan(
        "Chest Imaging Platform ct-64, 4 mm",
        "chest_ct/cip/ct-64.nrrd",
        "chest_ct/cip/lm-64.nrrd",
        _chest_imaging_platform,
    ),
    Scan(
        "TotalSegmentator example, lower chest, 3 mm",
        "abdomen/totalsegmentator/example_ct_sm.nii.gz",
        "abdomen/totalsegmentator/example_ct_sm_labels.nii.gz",
        _total_segmentator,
    ),
)
"""Scans that a folder may hold."""


def classical_lungs(ct: sitk.Image) -> np.ndarray:
    """Return 1 left lung, 2 right lung, 3 airways of a CT with LPS axes, (z, y, x), by threshold and region growing."""
    found = segment_lungs(sitk.GetArrayFromImage(ct).astype(np.float32), tuple(ct.GetSpacing()[::-1]))
    return np.where(found.airways, 3, found.sides).astype(np.uint8)


def judge_model(model: Any, data: Path | None, phantoms: int = PHANTOMS) -> dict[str, Any]:
    """Score a model (from ``load_model``): an entry per scan and reference, then phantoms, then their summary.

    Raises:
        BadRequestError: ``data`` holds none of the scans.
    """
    entries: list[dict[str, Any]] = []
    found = [scan for scan in SCANS if data is not None and (data / scan.file).is_file()]
    if data is not None and not found:
        raise BadRequestError(f"The folder {data} holds none of: {', '.join(scan.file for scan in SCANS)}.")
    for scan in found:
        assert data is not None
        ct = sitk.DICOMOrient(read_image(data / scan.file), "LPS")
        labels, seconds = _segment(model, ct)
        references = {"threshold and region": classical_lungs(ct)}
        if scan.labels_file is not None and scan.meaning is not None:
            given = sitk.DICOMOrient(read_image(data / scan.labels_file), "LPS")
            references["its own labels"] = scan.meaning(sitk.GetArrayFromImage(given).astype(np.int64))
            entries.append(
                _entry(
                    scan.name, "its own labels", references["threshold and region"], references["its own labels"], ct
                )
                | {"method": "threshold and region"}
            )
        for name, reference in references.items():
            if not reference.any():
                continue  # region growing needs a whole chest and finds nothing in a part of one
            entries.append(_entry(scan.name, name, labels, reference, ct) | {"method": "model", "seconds": seconds})
    for number in range(phantoms):
        ct, truth = draw_phantom(HELD_OUT_SEED, number)
        labels, seconds = _segment(model, ct)
        entry = _entry(f"phantom {number}", "phantom", labels, sitk.GetArrayFromImage(truth), ct)
        entries.append(entry | {"method": "model", "seconds": seconds})
    return {"scans": entries, "phantoms": _summary([entry for entry in entries if entry["reference"] == "phantom"])}


def _entry(scan: str, against: str, labels: np.ndarray, reference: np.ndarray, ct: sitk.Image) -> dict[str, Any]:
    scores = {}
    for label in LUNG_LABELS:
        found = score_masks(labels == label.value, reference == label.value, tuple(ct.GetSpacing()[::-1]), TOLERANCE_MM)
        scores[label.name] = {
            "dice": round(found.dice, 4),
            "nsd": round(found.nsd, 4),
            "hd95_mm": None if np.isnan(found.hd95_mm) else round(found.hd95_mm, 2),
            "volume_error_percent": None
            if np.isnan(found.volume_error_percent)
            else round(found.volume_error_percent, 2),
        }
    return {"scan": scan, "reference": against, "scores": scores}


def _segment(model: Any, ct: sitk.Image) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    labelmap = model.predict(ct).labelmap
    return sitk.GetArrayFromImage(labelmap), round(time.perf_counter() - started, 1)


def _summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    result = {}
    for label in LUNG_LABELS:
        values = summarise(entry["scores"][label.name]["dice"] for entry in entries)
        if values.cases:
            result[label.name] = {
                "mean": values.mean,
                "standard deviation": values.standard_deviation,
                "cases": values.cases,
            }
    return result


def markdown_table(judged: dict[str, Any]) -> str:
    """Return Dice by scan, method and reference; phantoms are one row."""
    names = [label.name for label in LUNG_LABELS]
    lines = ["| Scan | Method | Against | " + " | ".join(f"Dice {n}" for n in names) + " |", "|---" * 6 + "|"]
    for entry in judged["scans"]:
        if entry["reference"] != "phantom":
            cells = [f"{entry['scores'][name]['dice']:.3f}" for name in names]
            lines.append(f"| {entry['scan']} | {entry['method']} | {entry['reference']} | " + " | ".join(cells) + " |")
    if judged["phantoms"]:
        values = [judged["phantoms"][name] for name in names]
        cells = [f"{v['mean']:.3f} ± {v['standard deviation']:.3f}" for v in values]
        lines.append(f"| {values[0]['cases']} phantoms | model | truth | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line: judge a model and write everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure a lung model on scans that it never saw.")
    parser.add_argument("--model", help="model folder (default: the bundled lungs-ct)")
    parser.add_argument("--data", type=Path, help="folder with real scans")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--phantoms", type=int, default=PHANTOMS, help=f"held-out phantoms (default: {PHANTOMS})")
    arguments = parser.parse_args()

    from mambamed.segmentation import load_model

    model = load_model(arguments.model or "lungs-ct", device="cpu")
    judged = judge_model(model, arguments.data, arguments.phantoms)
    arguments.output.write_text(json.dumps(judged, indent=1), encoding="utf-8")
    print(markdown_table(judged))


if __name__ == "__main__":
    main()
