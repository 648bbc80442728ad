"""Measure the lung segmentation: against reference segmentations of a real scan, and on phantoms.

    python -m mambamed.emphysema.lungs.benchmark --reference FOLDER --phantoms 12

``FOLDER`` holds ``ct-64.nrrd``, ``wholeLung-64.nrrd`` and ``lm-64.nrrd`` of the Chest Imaging Platform.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.lungs.segment import LungSegmentation
from mambamed.emphysema.lungs.segment import segment_lungs
from mambamed.emphysema.lungs.sides import LEFT
from mambamed.emphysema.lungs.sides import RIGHT
from mambamed.emphysema.lungs.thirds import REGION_NAMES
from mambamed.emphysema.lungs.thirds import split_thirds
from mambamed.emphysema.phantom.cases import draw_case
from mambamed.emphysema.phantom.generate import make_chest_phantom
from mambamed.emphysema.phantom.settings import LABELS
from mambamed.emphysema.phantom.settings import ChestPhantomSettings

__all__ = ["dice", "main", "phantom_cases", "reference_scores"]

_CIP_THIRDS = (9, 10, 11, 12, 13, 14)
_CIP_AIRWAY_TYPE = 2


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Overlap of two masks, 0 to 1."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2.0 * int(np.count_nonzero(first & second)) / total if total else 1.0


def reference_scores(folder: Path) -> list[tuple[str, float]]:
    """Compare with the reference segmentations of one real scan.

    Args:
        folder: With ``ct-64.nrrd``, ``wholeLung-64.nrrd`` and ``lm-64.nrrd``.

    Returns:
        Structure and Dice.
    """
    ct, whole, labels = (
        sitk.ReadImage(str(folder / name)) for name in ("ct-64.nrrd", "wholeLung-64.nrrd", "lm-64.nrrd")
    )
    found = _segment(ct)
    label_map = sitk.GetArrayFromImage(labels)
    region, kind = label_map % 256, label_map // 256
    thirds = split_thirds(found.sides, (1.0, 0.0, 0.0))
    return [
        ("both lungs", dice(found.sides > 0, sitk.GetArrayFromImage(whole) > 0)),
        ("left lung", dice(found.sides == LEFT, np.isin(region, _CIP_THIRDS[:3]))),
        ("right lung", dice(found.sides == RIGHT, np.isin(region, _CIP_THIRDS[3:]))),
        *[(REGION_NAMES[value], dice(thirds == value, region == _CIP_THIRDS[value - 1])) for value in REGION_NAMES],
        ("trachea and main airways", dice(found.airways, (kind == _CIP_AIRWAY_TYPE) & (region == 0))),
    ]


def phantom_cases(count: int) -> Iterator[ChestPhantomSettings]:
    """Yield phantoms that grow harder: drawn at random, then low dose, padding, touching lungs, each a third."""
    fine = ChestPhantomSettings(size=(192, 144, 96), spacing_mm=(2.0, 2.0, 4.0))
    hard = ({"dose": 0.1, "kernel": "sharp"}, {"outside_value": -3024.0}, {"anterior_gap_mm": 0.3})
    for number in range(count):
        if number < count // 2:
            yield draw_case(900 + number)
        else:
            case = draw_case(900 + number, base=fine, severity="severe")
            yield dataclasses.replace(case, **hard[number % len(hard)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure the segmentation of the lungs.")
    parser.add_argument("--reference", type=Path, help="folder with ct-64.nrrd, wholeLung-64.nrrd, lm-64.nrrd")
    parser.add_argument("--phantoms", type=int, default=0, help="number of phantoms")
    chosen = parser.parse_args(arguments)
    if chosen.reference is not None:
        print("| Structure of ct-64 | Dice |\n|---|---|")
        for name, value in reference_scores(chosen.reference):
            print(f"| {name} | {value:.3f} |")
    if chosen.phantoms:
        _print_phantoms(chosen.phantoms)


def _print_phantoms(count: int) -> None:
    print("\n| Phantom | Lesions | Kernel, dose | Voxel (mm) | Both | Left | Right | CPU (s) |")
    print("|---|---|---|---|---|---|---|---|")
    for case in phantom_cases(count):
        phantom = make_chest_phantom(case)
        truth = sitk.GetArrayFromImage(phantom.labels)
        started = time.process_time()
        sides = _segment(phantom.ct).sides
        seconds = time.process_time() - started
        left, right = truth == LABELS["left lung"], truth == LABELS["right lung"]
        scores = (dice(sides > 0, left | right), dice(sides == LEFT, left), dice(sides == RIGHT, right))
        extra = f", padding {case.outside_value:g}" if case.outside_value is not None else ""
        extra += f", gap {case.anterior_gap_mm:g} mm" if case.anterior_gap_mm is not None else ""
        print(
            f"| {case.seed}{extra} | {case.pattern} {case.extent_percent:.0f} % | {case.kernel}, {case.dose:.2f} | "
            f"{' x '.join(f'{value:g}' for value in case.spacing_mm)} | "
            f"{' | '.join(f'{score:.3f}' for score in scores)} | {seconds:.1f} |"
        )


def _segment(ct: sitk.Image) -> LungSegmentation:
    x, y, z = ct.GetSpacing()
    return segment_lungs(sitk.GetArrayFromImage(ct), (z, y, x))


if __name__ == "__main__":
    main()
