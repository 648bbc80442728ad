"""Draw found boxes on their picture: ``python -m mambamed.detection.picture IMAGE detections.json -o FILE``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mambamed.detection.reading import read_picture_or_volume
from mambamed.errors import BadRequestError

__all__ = ["draw_detections", "main"]

_DOTS_PER_INCH = 100


def draw_detections(
    image: sitk.Image,
    found: dict[str, Any],
    output: Path,
    *,
    score: float = 0.3,
    number: int | None = None,
    enlarge: float = 2.0,
) -> int:
    """Draw the boxes of a picture or of one slice, in the labels' colours.

    Args:
        image: that was looked at.
        found: the content of ``detections.json``.
        output: PNG to write.
        score: least score of a box that is drawn.
        number: of the slice of a volume.
        enlarge: pixels of the drawing per pixel of the image.

    Returns:
        How many boxes were drawn.

    Raises:
        BadRequestError: no slice, or one that the volume does not have, is chosen.
    """
    picture = _picture(image, found["image"]["slice_axis"], number)
    rows, columns = picture.shape[:2]
    figure = Figure(figsize=(columns * enlarge / _DOTS_PER_INCH, rows * enlarge / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    low, high = np.percentile(picture, [0.5, 99.8])
    shown = np.clip((picture - low) / max(high - low, 1e-9), 0, 1)
    axes.imshow(shown, cmap="gray", interpolation="nearest", aspect="auto")
    colours = {label["name"]: [value / 255 for value in label["color"]] for label in found["labels"]}
    drawn = [box for box in found["boxes"] if box["score"] >= score and box["slice"] == number]
    for box in drawn:
        corners = np.array([*box["corners_px"], box["corners_px"][0]])
        axes.plot(corners[:, 0], corners[:, 1], color=colours[box["label"]], linewidth=1.0)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_axis_off()
    figure.savefig(output)
    return len(drawn)


def _picture(image: sitk.Image, slice_axis: int | None, number: int | None) -> np.ndarray:
    """Return (y, x) or (y, x, 3), y along the later of the two stored axes in the plane."""
    if slice_axis is not None:
        count = image.GetSize()[slice_axis]
        if number is None or not 0 <= number < count:
            raise BadRequestError(f"The slice {number} is asked for; the volume has 0 to {count - 1}.")
        places: list[slice | int] = [slice(None)] * 3
        places[slice_axis] = number
        image = image[tuple(places)]
    values = sitk.GetArrayFromImage(image).astype(np.float32)
    return values[..., :3] if values.ndim == 3 else values


def main(argv: Sequence[str] | None = None) -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(prog="python -m mambamed.detection.picture", description="Draw found boxes.")
    parser.add_argument("image", type=Path)
    parser.add_argument("detections", type=Path, help="detections.json")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG to write")
    parser.add_argument("--score", type=float, default=0.3, help="least score (default: %(default)s)")
    parser.add_argument("--slice", type=int, help="of a volume")
    parser.add_argument("--enlarge", type=float, default=2.0, help="(default: %(default)s)")
    given = parser.parse_args(argv)
    image, _ = read_picture_or_volume(given.image)
    found = json.loads(given.detections.read_text(encoding="utf-8"))
    count = draw_detections(image, found, given.output, score=given.score, number=given.slice, enlarge=given.enlarge)
    print(f"{count} boxes drawn: {given.output}")


if __name__ == "__main__":
    main()
