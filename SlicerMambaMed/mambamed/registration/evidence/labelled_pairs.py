"""Registrations judged by labels or landmarks: prostate MR to ultrasound (Dice), stained sections (landmarks, 2D).

Run it as ``python -m mambamed.registration.evidence.labelled_pairs --data DIR [--output STEM]``.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.weights import load_network
from mambamed.registration.landmarks import landmark_errors_mm
from mambamed.registration.registration import register

__all__ = ["dice", "labelled_tables", "prostate_dice", "section_errors"]

METHODS = ("disa", "mind-ssc", "mattes")
_PROSTATE = "us_mr/deepreg_prostate"
_PROSTATE_SPACING_MM = 0.8
_SECTIONS = "other/histology_birl/rat-kidney_"
_BEGIN, _END = "<!-- labelled tables -->", "<!-- end of labelled tables -->"


def prostate_dice(data: Path, methods: Sequence[str], network: DISANet | None = None) -> list[dict[str, Any]]:
    """Dice of the gland before and after a rigid registration of each MR volume onto its ultrasound volume."""
    rows = []
    for file in sorted((data / _PROSTATE / "fixed_images").glob("*.nii.gz")):
        fixed, moving = (
            sitk.ReadImage(str(data / _PROSTATE / kind / file.name)) for kind in ("fixed_images", "moving_images")
        )
        glands = [_gland(data / _PROSTATE / kind / file.name) for kind in ("fixed_labels", "moving_labels")]
        shift = np.subtract(_middle(moving), _middle(fixed))
        before = dice(glands[0], glands[1], sitk.TranslationTransform(3, shift.tolist()))
        for method in methods:
            begun = time.process_time()
            result = register(
                fixed,
                moving,
                method,
                "rigid",
                network=network if method == "disa" else None,
                initial="centre",
                working_spacing_mm=_PROSTATE_SPACING_MM,
            )
            seconds = time.process_time() - begun
            after = dice(glands[0], glands[1], result.transform)
            name = file.name.removesuffix(".nii.gz")
            rows.append({"case": name, "method": method, "before": before, "after": after, "seconds": seconds})
    return rows


def section_errors(data: Path, methods: Sequence[str], network: DISANet | None = None) -> list[dict[str, Any]]:
    """Landmark errors in pixels of two stained sections, rigid and affine, searched locally and from 500 starts."""
    images = [sitk.ReadImage(str(data / _SECTIONS / f"Rat-Kidney_{stain}.jpg")) for stain in ("HE", "PanCytokeratin")]
    for image in images:
        image.SetSpacing((1.0, 1.0))
    points = [_landmarks(data / _SECTIONS / f"Rat-Kidney_{stain}.csv") for stain in ("HE", "PanCytokeratin")]
    count = min(map(len, points))
    fixed, moving = (list(some[:count]) for some in points)
    shift = np.subtract(_middle(images[1]), _middle(images[0]))
    before = landmark_errors_mm(sitk.TranslationTransform(3, [*shift.tolist(), 0.0]), fixed, moving)
    rows = []
    for method in methods:
        for transform in ("rigid", "affine"):
            for search in ("local", "global-narrow") if method != "mattes" else ("local",):
                begun = time.process_time()
                result = register(
                    images[0],
                    images[1],
                    method,
                    transform,
                    network=network if method == "disa" else None,
                    search=search,
                    initial="centre",
                )
                errors = landmark_errors_mm(result.transform, fixed, moving)
                rows.append(
                    {
                        "method": method,
                        "transform": transform,
                        "search": search,
                        "landmarks": count,
                        "before": float(before.mean()),
                        "after": float(errors.mean()),
                        "largest": float(errors.max()),
                        "seconds": time.process_time() - begun,
                    }
                )
    return rows


def dice(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> float:
    """Dice of two masks after moving the second onto the first (transform fixed -> moving)."""
    moved = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkNearestNeighbor, 0.0)) > 0
    here = sitk.GetArrayViewFromImage(fixed) > 0
    return float(2.0 * (moved & here).sum() / max(1, moved.sum() + here.sum()))


def labelled_tables(prostates: Sequence[dict[str, Any]], sections: Sequence[dict[str, Any]]) -> str:
    """Both tables as Markdown."""
    lines = ["### Prostate, MR - transrectal ultrasound: Dice of the gland, rigid, from aligned centres", ""]
    lines += [
        "| Method | before | after, mean | after, lowest | better in | CPU s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for method in dict.fromkeys(row["method"] for row in prostates):
        own = [row for row in prostates if row["method"] == method]
        after = [row["after"] for row in own]
        better = sum(row["after"] > row["before"] for row in own)
        lines.append(
            f"| {method} | {np.mean([row['before'] for row in own]):.3f} | {np.mean(after):.3f} | {min(after):.3f} | "
            f"{better} of {len(own)} | {np.mean([row['seconds'] for row in own]):.1f} |"
        )
    lines += ["", "### Stained sections (2D): mean landmark error in pixels", ""]
    lines += ["| Method | Transform | Search | before | after | largest | CPU s |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row['method']} | {row['transform']} | {row['search']} | {row['before']:.1f} | {row['after']:.1f} | "
        f"{row['largest']:.1f} | {row['seconds']:.1f} |"
        for row in sections
    ]
    return "\n".join(lines) + "\n"


def _gland(file: Path) -> sitk.Image:
    """The first channel of a label volume, as a mask."""
    labels = sitk.ReadImage(str(file))
    if labels.GetDimension() == 4:
        labels = labels[:, :, :, 0]
    return sitk.Cast(labels > 0.5, sitk.sitkUInt8)


def _middle(image: sitk.Image) -> tuple[float, ...]:
    return image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()])


def _landmarks(file: Path) -> list[tuple[float, float, float]]:
    with file.open(encoding="utf-8") as stream:
        return [(float(row["X"]), float(row["Y"]), 0.0) for row in csv.DictReader(stream)]


def main() -> None:
    """Command line: measure and print or write the tables."""
    parser = argparse.ArgumentParser(description="Measure registrations by labels and landmarks.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the images")
    parser.add_argument("--output", type=Path, help="write STEM.json, and the tables into STEM.md at their markers")
    parser.add_argument("--model", default="disa-lc2", help="DISA model or weights (default: disa-lc2)")
    parser.add_argument("--method", action="append", choices=METHODS, help="only this method (may be repeated)")
    arguments = parser.parse_args()
    methods = tuple(arguments.method or METHODS)
    network = load_network(arguments.model) if "disa" in methods else None
    prostates = prostate_dice(arguments.data, methods, network)
    sections = section_errors(arguments.data, methods, network)
    text = labelled_tables(prostates, sections)
    print(text)
    if arguments.output:
        content = {"prostate": prostates, "sections": sections}
        arguments.output.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        page = arguments.output.with_suffix(".md")
        if page.is_file() and _BEGIN in (whole := page.read_text(encoding="utf-8")):
            before, _, rest = whole.partition(_BEGIN)
            page.write_text(f"{before}{_BEGIN}\n\n{text}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
