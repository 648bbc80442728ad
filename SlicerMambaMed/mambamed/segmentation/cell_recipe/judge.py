"""Measure a cell model on pictures that it never saw: synthetic ones of other seeds, and real ones from a folder.

Run it as ``python -m mambamed.segmentation.cell_recipe.judge --output FILE [--model DIR] [--data DIR]``; ``--data`` is
searched for pairs ``NAME.png|.tif`` and ``NAME_label.tiff`` (instances).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import label
from skimage.filters import threshold_otsu

from mambamed.errors import BadRequestError
from mambamed.imaging.reading import read_image
from mambamed.segmentation.cell_recipe.dataset import draw_picture
from mambamed.segmentation.cell_recipe.painting import LOOKS
from mambamed.segmentation.evaluation.evaluate import summarise
from mambamed.segmentation.evaluation.matching import match_instances
from mambamed.segmentation.instance_output import SMALLEST_INSTANCE
from mambamed.segmentation.instances import instances_from_classes

__all__ = ["HELD_OUT_SEED", "judge_model", "markdown_table", "threshold_instances"]

HELD_OUT_SEED = 20153
PICTURES = 50


def threshold_instances(picture: np.ndarray) -> np.ndarray:
    """Return the baseline: Otsu's threshold, the rarer side as cells, its connected pieces as instances."""
    bright = picture > threshold_otsu(picture) if np.ptp(picture) else np.zeros(picture.shape, bool)
    pieces, _ = label(bright if bright.mean() < 0.5 else ~bright)
    sizes = np.bincount(pieces.ravel())
    return np.where(sizes[pieces] >= SMALLEST_INSTANCE, pieces, 0)


def judge_model(model: Any, data: Path | None = None, pictures: int = PICTURES) -> dict[str, Any]:
    """Score a model (from ``load_model``) and the baseline: per picture, and mean and spread by look.

    Raises:
        BadRequestError: ``data`` holds no pair of picture and labels.
    """
    entries = []
    for number in range(pictures):
        picture, instances, look = draw_picture(HELD_OUT_SEED, number)
        entries.append(_judge(model, f"synthetic {number}", look, sitk.GetImageFromArray(picture), instances))
    if data is not None:
        pairs = [(path, _picture_of(path)) for path in sorted(data.glob("*_label.tif*"))]
        if not pairs:
            raise BadRequestError(f"The folder {data} holds no NAME_label.tiff beside a picture NAME.png or NAME.tif.")
        for labels, path in pairs:
            instances = sitk.GetArrayFromImage(read_image(labels)).astype(np.int64)
            entries.append(_judge(model, path.name, "real", read_image(path), instances))
    groups = {name: [e for e in entries if e["look"] == name] for name in (*LOOKS, "real")}
    groups["all synthetic"] = [entry for entry in entries if entry["look"] != "real"]
    summary = {
        name: {kind: dataclasses.asdict(summarise(e[kind]["f1"] for e in group)) for kind in ("model", "threshold")}
        for name, group in groups.items()
        if group
    }
    return {"pictures": entries, "summary": summary}


def _judge(model: Any, name: str, look: str, picture: sitk.Image, instances: np.ndarray) -> dict[str, Any]:
    started = time.perf_counter()
    classes = sitk.GetArrayFromImage(model.predict(picture).labelmap)
    seconds = round(time.perf_counter() - started, 2)
    array = sitk.GetArrayFromImage(picture).astype(float)
    grey = array if array.ndim == 2 else array[..., :3].mean(-1)
    found = {
        "model": instances_from_classes(classes, smallest=SMALLEST_INSTANCE),
        "threshold": threshold_instances(grey),
    }
    scores = {kind: dataclasses.asdict(match_instances(result, instances)) for kind, result in found.items()}
    for values in scores.values():
        values["mean_iou"] = None if np.isnan(values["mean_iou"]) else values["mean_iou"]
    return {"name": name, "look": look, "size": list(picture.GetSize()), "seconds": seconds, **scores}


def _picture_of(labels: Path) -> Path:
    stem = labels.name.rpartition("_label")[0]
    for suffix in (".png", ".tif", ".tiff"):
        if (labels.parent / f"{stem}{suffix}").is_file():
            return labels.parent / f"{stem}{suffix}"
    raise BadRequestError(f"There is no picture {stem}.png or {stem}.tif beside {labels}.")


def markdown_table(summary: dict[str, Any]) -> str:
    """Return F1 at IoU 0.5, mean and standard deviation over the pictures, by look."""
    lines = ["| Pictures | Number | F1, model | F1, threshold |", "|---|---|---|---|"]
    for name, group in summary.items():
        cells = [f"{group[k]['mean']:.3f} ± {group[k]['standard_deviation']:.3f}" for k in ("model", "threshold")]
        lines.append(f"| {name} | {group['model']['cases']} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> None:
    """Command line: judge a model and write everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure a cell model on pictures that it never saw.")
    parser.add_argument("--model", help="model folder (default: the bundled cells-microscopy)")
    parser.add_argument("--data", type=Path, help="folder with real pictures and their instances")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()

    from mambamed.segmentation import load_model

    content = judge_model(load_model(arguments.model or "cells-microscopy", device="cpu"), arguments.data)
    arguments.output.write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(markdown_table(content["summary"]))


if __name__ == "__main__":
    main()
