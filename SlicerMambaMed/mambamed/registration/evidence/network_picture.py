"""A picture of a pair of volumes before and after a network: lines of the fixed volume on every image.

Run it as ``python -m mambamed.registration.evidence.network_picture FIXED MOVING --output FILE [--model NAME]``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mambamed.imaging import read_image
from mambamed.registration.evidence.network_methods import affine_start
from mambamed.registration.evidence.network_methods import run_method
from mambamed.registration.field_measures import jacobian_image
from mambamed.registration.one_pass.head_place import head_middle_mm

__all__ = ["draw_pair"]

_DOTS_PER_INCH = 75
_SPACING_MM = 1.5
_HALF_MM = (85.0, 105.0, 85.0)
_BELOW_TOP_MM = 78.0
_LINES = (0.22, 0.5)
"""Levels of the lines, as parts of the brightest values of the fixed volume."""


def draw_pair(fixed: sitk.Image, moved: dict[str, sitk.Image], jacobian: sitk.Image, output: Path) -> None:
    """Draw an axial and a coronal slice of each image with level lines of the fixed one.

    Args:
        fixed: fixed volume of a head, axes along the patient's (LPS).
        moved: moving volume on the fixed grid, by what stands above it.
        jacobian: determinant on its grid.
        output: picture to write.
    """
    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(fixed, 1.5 * fixed.GetSpacing()[0]))
    brightest = float(np.percentile(lines, 99.0))
    columns = {"fixed": fixed, **moved, "Jacobian": jacobian}
    figure, axes = pyplot.subplots(2, len(columns), figsize=(2.7 * len(columns), 5.6), squeeze=False)
    for column, (title, image) in enumerate(columns.items()):
        array = sitk.GetArrayFromImage(image)
        is_jacobian = title == "Jacobian"
        top = 1.8 if is_jacobian else float(np.percentile(array, 99.0))
        for row in range(2):
            place = axes[row, column]
            place.imshow(
                _slice(array, row),
                cmap="coolwarm" if is_jacobian else "gray",
                vmin=0.2 if is_jacobian else 0.0,
                vmax=top,
                interpolation="bilinear",
            )
            levels = [level * brightest for level in _LINES]
            place.contour(_slice(lines, row), levels=levels, colors=["#40c0ff", "#ffd000"], linewidths=0.5)
            place.axis("off")
        axes[0, column].set_title(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(output, dpi=_DOTS_PER_INCH)
    pyplot.close(figure)


def _slice(array: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Middle slice: axial (0) or coronal (1, superior upwards)."""
    found = np.take(array, array.shape[axis] // 2, axis=axis)
    return found if axis == 0 else found[::-1]


def _window(fixed: sitk.Image) -> sitk.Image:
    """The grid of the picture: around the brain, axes along the patient's."""
    middle = head_middle_mm(fixed, _BELOW_TOP_MM)
    size = [round(2 * half / _SPACING_MM) for half in _HALF_MM]
    grid = sitk.Image(size, sitk.sitkFloat32)
    grid.SetSpacing((_SPACING_MM,) * 3)
    if middle is not None:
        grid.SetOrigin(np.subtract(middle, _HALF_MM).tolist())
    return grid


def main() -> None:
    """Command line: register a pair and draw it."""
    parser = argparse.ArgumentParser(description="Draw a pair of heads before and after a network.")
    parser.add_argument("fixed", type=Path, help="volume that stays")
    parser.add_argument("moving", type=Path, help="volume that is moved onto it")
    parser.add_argument("--model", default="vmambamorph-brain", help="network: name or folder (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="picture to write (.png)")
    arguments = parser.parse_args()
    fixed, moving = (sitk.Cast(read_image(file), sitk.sitkFloat32) for file in (arguments.fixed, arguments.moving))
    models = {"network": arguments.model, "disa": "disa-lc2"}
    start = affine_start(fixed, moving, "centre").transform
    found = {
        "moving, affine": start,
        "network": run_method("network", fixed, moving, start, models).transform,
        "network, refined": run_method("network+mind-ssc", fixed, moving, start, models).transform,
    }
    grid = _window(fixed)
    moved = {name: sitk.Resample(moving, grid, transform, sitk.sitkLinear) for name, transform in found.items()}
    jacobian = jacobian_image(found["network, refined"], grid)
    draw_pair(sitk.Resample(fixed, grid), moved, jacobian, arguments.output)


if __name__ == "__main__":
    main()
