"""A picture of a pair of heads before and after a network: outlines of the fixed brain's structures on every image.

Run it as ``python -m mambamed.registration.evidence.network_picture --data DIR --fixed NAME --moving NAME --output
FILE``; the folder is that of ``network_pairs``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mambamed.registration.evidence.brain_structures import STRUCTURES
from mambamed.registration.evidence.brain_structures import grouped
from mambamed.registration.evidence.network_methods import affine_start
from mambamed.registration.evidence.network_methods import run_method
from mambamed.registration.field_measures import jacobian_image

__all__ = ["draw_pair"]

_OUTLINED = (
    "lateral ventricles",
    "putamen",
    "thalamus",
    "caudate",
    "cerebellar cortex",
    "brain stem",
    "corpus callosum",
)
_DOTS_PER_INCH = 75


def draw_pair(
    fixed: sitk.Image, moved: dict[str, sitk.Image], labels: sitk.Image, jacobian: sitk.Image, output: Path
) -> None:
    """Draw an axial and a coronal slice of each image with the outlines of the fixed brain's structures.

    Args:
        fixed: fixed volume, axes along the patient's.
        moved: moving volume on the fixed grid, by what stands above it.
        labels: DLMUSE labels of the fixed volume on its grid.
        jacobian: determinant on its grid.
        output: picture to write.
    """
    matplotlib.use("Agg")
    from matplotlib import pyplot

    structures = grouped(sitk.GetArrayFromImage(labels))
    middle = np.argwhere(structures == 1 + list(STRUCTURES).index("thalamus")).mean(axis=0).round().astype(int)
    brain = np.argwhere(structures > 0)
    low, high = np.maximum(brain.min(axis=0) - 8, 0), brain.max(axis=0) + 9
    names = list(STRUCTURES)
    outlined = np.isin(structures, [1 + names.index(name) for name in _OUTLINED])
    columns = {"fixed": fixed, **moved, "Jacobian": jacobian}
    figure, axes = pyplot.subplots(2, len(columns), figsize=(2.9 * len(columns), 6.0), squeeze=False)
    for column, (title, image) in enumerate(columns.items()):
        array = sitk.GetArrayFromImage(image)
        is_jacobian = title == "Jacobian"
        top = 1.8 if is_jacobian else float(np.percentile(array[tuple(map(slice, low, high))], 99.0))
        for row, axis in enumerate((0, 1)):
            place = axes[row, column]
            place.imshow(
                _slice(array, axis, middle, low, high),
                cmap="coolwarm" if is_jacobian else "gray",
                vmin=0.2 if is_jacobian else 0.0,
                vmax=top,
                interpolation="bilinear",
            )
            for values, colour in ((outlined, "#ffd000"), (structures > 0, "#40c0ff")):
                shown = _slice(values.astype(np.float32), axis, middle, low, high)
                place.contour(shown, levels=[0.5], colors=colour, linewidths=0.7)
            place.axis("off")
        axes[0, column].set_title(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(output, dpi=_DOTS_PER_INCH)
    pyplot.close(figure)


def _slice(
    array: NDArray[np.float32], axis: int, middle: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Axial (axis 0) or coronal (axis 1) slice around the brain; superior upwards in the coronal one."""
    window: list[slice | int] = [slice(first, last) for first, last in zip(low, high, strict=True)]
    window[axis] = int(middle[axis])
    found = array[tuple(window)]
    return found if axis == 0 else found[::-1]


def main() -> None:
    """Command line: register a pair and draw it."""
    parser = argparse.ArgumentParser(description="Draw a pair of heads before and after a network.")
    parser.add_argument("--data", type=Path, required=True, help="folder with images and DLMUSE label maps")
    parser.add_argument("--fixed", required=True, help="subject that stays")
    parser.add_argument("--moving", required=True, help="subject that is moved onto it")
    parser.add_argument("--model", default="vmambamorph-brain", help="network: name or folder (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="picture to write (.png)")
    arguments = parser.parse_args()
    fixed, moving = (
        sitk.ReadImage(str(arguments.data / f"{subject}_T1.nii.gz"), sitk.sitkFloat32)
        for subject in (arguments.fixed, arguments.moving)
    )
    labels = sitk.ReadImage(str(arguments.data / f"{arguments.fixed}_T1_DLMUSE.nii.gz"))
    models = {"network": arguments.model, "disa": "disa-lc2"}
    start = affine_start(fixed, moving).transform
    found = {
        "affine": start,
        "network": run_method("network", fixed, moving, start, models).transform,
        "network, refined": run_method("network+mind-ssc", fixed, moving, start, models).transform,
    }
    moved = {name: sitk.Resample(moving, fixed, transform, sitk.sitkLinear) for name, transform in found.items()}
    draw_pair(fixed, moved, labels, jacobian_image(found["network, refined"], fixed), arguments.output)


if __name__ == "__main__":
    main()
