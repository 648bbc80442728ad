"""Draw what a cell model finds on pictures that it never saw.

Run it as ``python -m mambamed.segmentation.cell_recipe.picture --output FILE.png [--model DIR]``: one column per look
with the picture, the instances found, and the true ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.imaging.writing import write_image
from mambamed.models.colours import LABEL_COLOURS
from mambamed.segmentation.cell_recipe.dataset import draw_picture
from mambamed.segmentation.cell_recipe.judge import HELD_OUT_SEED
from mambamed.segmentation.cell_recipe.painting import LOOKS
from mambamed.segmentation.instance_output import SMALLEST_INSTANCE
from mambamed.segmentation.instances import instances_from_classes

__all__ = ["draw_results", "paint_instances"]

_GAP = 4
_SHOWN_PX = 112


def paint_instances(picture: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Return (Y, X, 3) uint8: the grey picture with each instance in a colour of its own."""
    grey = np.repeat(picture[..., None], 3, axis=-1).astype(float)
    colours = np.asarray(LABEL_COLOURS, float)[(instances - 1) % len(LABEL_COLOURS)]
    return np.where(instances[..., None] > 0, 0.4 * grey + 0.6 * colours, grey).astype(np.uint8)


def draw_results(model: Any, first: int = 0) -> np.ndarray:
    """Return (Y, X, 3) uint8: a column per look, the upper left corner of each, from held-out picture ``first`` on."""
    columns = []
    for number in range(first, first + len(LOOKS)):
        picture, truth, _ = draw_picture(HELD_OUT_SEED, number)
        classes = sitk.GetArrayFromImage(model.predict(sitk.GetImageFromArray(picture)).labelmap)
        found = instances_from_classes(classes, smallest=SMALLEST_INSTANCE)
        parts = [paint_instances(picture, values) for values in (np.zeros_like(truth), found, truth)]
        columns.append(
            np.concatenate([np.pad(p[:_SHOWN_PX, :_SHOWN_PX], ((0, _GAP), (0, _GAP), (0, 0))) for p in parts])
        )
    return np.concatenate(columns, axis=1)[:-_GAP, :-_GAP]


def main() -> None:
    """Command line: draw and write."""
    parser = argparse.ArgumentParser(description="Draw what a cell model finds on pictures that it never saw.")
    parser.add_argument("--model", default="cells-microscopy", help="model (default: the bundled cells-microscopy)")
    parser.add_argument("--output", type=Path, required=True, help="PNG file to write")
    arguments = parser.parse_args()

    from mambamed.segmentation import load_model

    drawn = draw_results(load_model(arguments.model, device="cpu"))
    write_image(sitk.GetImageFromArray(drawn, isVector=True), arguments.output, overwrite=True)


if __name__ == "__main__":
    main()
