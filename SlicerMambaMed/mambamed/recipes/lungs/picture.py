"""Draw what a lung model finds on a CT: a transversal and a coronal slice with the labels over them.

Run it as ``python -m mambamed.recipes.lungs.picture --scan FILE --output FILE.png [--model DIR]``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.imaging.reading import read_image
from mambamed.imaging.writing import write_image
from mambamed.models.lung_labels import LUNG_LABELS

__all__ = ["draw_slices"]

_DISPLAY_MM = 1.5
_WINDOW_HU = (-1150.0, 350.0)
_OPACITY = 0.45


def draw_slices(ct: sitk.Image, labels: sitk.Image) -> np.ndarray:
    """Return (Y, X, 3) uint8: the transversal and the coronal slice that show most of the lungs, side by side."""
    images = [
        sitk.GetArrayFromImage(_square_voxels(sitk.DICOMOrient(image, "LPS"), kind))
        for image, kind in ((ct, sitk.sitkLinear), (labels, sitk.sitkNearestNeighbor))
    ]
    found = images[1] > 0
    z, y = int(found.sum((1, 2)).argmax()), int(found.sum((0, 2)).argmax())
    parts = [_painted(images[0][z], images[1][z]), _painted(images[0][::-1, y], images[1][::-1, y])]
    height = max(part.shape[0] for part in parts)
    return np.concatenate([np.pad(p, ((0, height - p.shape[0]), (0, 0), (0, 0))) for p in parts], axis=1)


def _square_voxels(image: sitk.Image, kind: int) -> sitk.Image:
    size = [max(1, round(n * mm / _DISPLAY_MM)) for n, mm in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    spacing = [_DISPLAY_MM] * 3
    return sitk.Resample(image, size, sitk.Transform(), kind, image.GetOrigin(), spacing, image.GetDirection(), -1024)


def _painted(hu: np.ndarray, labels: np.ndarray) -> np.ndarray:
    low, high = _WINDOW_HU
    grey = np.repeat((np.clip((hu.astype(float) - low) / (high - low), 0, 1) * 255)[..., None], 3, axis=-1)
    for label in LUNG_LABELS:
        where = labels == label.value
        grey[where] = (1 - _OPACITY) * grey[where] + _OPACITY * np.asarray(label.color, float)
    return grey.astype(np.uint8)


def main() -> None:
    """Command line: segment, draw and write."""
    parser = argparse.ArgumentParser(description="Draw what a lung model finds on a CT.")
    parser.add_argument("--model", default="lungs-ct", help="model (default: the bundled lungs-ct)")
    parser.add_argument("--scan", type=Path, required=True, help="chest CT")
    parser.add_argument("--output", type=Path, required=True, help="PNG file to write")
    arguments = parser.parse_args()

    from mambamed.segmentation import load_model

    model: Any = load_model(arguments.model, device="cpu")
    ct = read_image(arguments.scan)
    drawn = draw_slices(ct, model.predict(ct).labelmap)
    write_image(sitk.GetImageFromArray(drawn, isVector=True), arguments.output, overwrite=True)


if __name__ == "__main__":
    main()
