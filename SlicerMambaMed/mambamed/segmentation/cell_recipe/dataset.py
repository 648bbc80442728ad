"""Write synthetic pictures of cells as a raw nnU-Net data set of PNG files, with interior and boundary as labels.

Run it as ``python -m mambamed.segmentation.cell_recipe.dataset --output Dataset001_Cells --cases 30 --size 96`` for a
small data set to try a training or a comparison on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.segmentation.cell_recipe.painting import LOOKS
from mambamed.segmentation.cell_recipe.painting import paint_cells
from mambamed.segmentation.cell_recipe.shapes import draw_layout
from mambamed.segmentation.cell_recipe.shapes import place_cells
from mambamed.segmentation.instances import BOUNDARY
from mambamed.segmentation.instances import INTERIOR
from mambamed.segmentation.instances import interior_and_boundary

__all__ = ["LABELS", "PICTURE_SIZE", "draw_picture", "write_dataset"]

PICTURE_SIZE = 192
LABELS = {"background": 0, "Cell interior": INTERIOR, "Cell boundary": BOUNDARY}


def draw_picture(seed: int, number: int, size: int = PICTURE_SIZE) -> tuple[np.ndarray, np.ndarray, str]:
    """Return picture number ``number``: (Y, X) uint8, its instances as int32, and its look.

    It depends on ``seed`` and ``number`` alone; the looks take turns.
    """
    random = np.random.default_rng([seed, number])
    look = LOOKS[number % len(LOOKS)]
    layout = draw_layout(random, size)
    instances = place_cells(random, layout, size)
    return paint_cells(random, instances, layout.radius_px, look), instances, look


def write_dataset(
    folder: Path, cases: int, seed: int, reporter: Reporter, processes: int = 1, size: int = PICTURE_SIZE
) -> None:
    """Write ``cases`` grey PNG pictures and ``dataset.json`` into ``folder``; takes seconds, so in one process."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(cases):
        reporter.check_cancelled()
        picture, instances, _ = draw_picture(seed, number, size)
        for array, path in (
            (picture, f"imagesTr/cells_{number:04d}_0000.png"),
            (interior_and_boundary(instances), f"labelsTr/cells_{number:04d}.png"),
        ):
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / path))
        reporter.progress(f"synthetic picture {number + 1} of {cases}", (number + 1) / cases)
    description = {
        "channel_names": {"0": "microscopy"},
        "labels": LABELS,
        "numTraining": cases,
        "file_ending": ".png",
        "description": "Synthetic pictures of cells with the paper's interior and boundary classes",
    }
    (folder / "dataset.json").write_text(json.dumps(description, indent=2), encoding="utf-8")


def main() -> None:
    """Command line: write a data set."""
    parser = argparse.ArgumentParser(description="Write synthetic pictures of cells as a raw nnU-Net data set.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write, DatasetNNN_Name")
    parser.add_argument("--cases", type=int, default=30, help="pictures (default: 30)")
    parser.add_argument("--size", type=int, default=PICTURE_SIZE, help=f"pixels per side (default: {PICTURE_SIZE})")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    arguments = parser.parse_args()
    write_dataset(arguments.output, arguments.cases, arguments.seed, NullReporter(), size=arguments.size)


if __name__ == "__main__":
    main()
