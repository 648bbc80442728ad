"""A picture of a segmentation over its image in three planes, for the demonstration and for reports."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mambamed.imaging.orientation import reorient
from mambamed.imaging.writing import replace_atomically

__all__ = ["draw_overlay"]

_OPACITY = 0.45
_SCALE_BAR_MM = 50.0
_MARGIN_MM = 12.0
_DISPLAY_PERCENTILES = (1.0, 99.5)
_BACKGROUND = "black"
_TEXT = "white"

# In an image whose axes run to left, posterior and superior, the array is indexed [superior, posterior, left].
# Each plane: title, array axis cut, where (share of the labelled voxels before the cut; sagittal beside the middle,
# where there is more to see), letters at its left, right, top and bottom edge as radiologists hang it.
_PLANES = (
    ("Axial", 0, 0.5, ("R", "L", "A", "P")),
    ("Coronal", 1, 0.5, ("R", "L", "S", "I")),
    ("Sagittal", 2, 0.4, ("A", "P", "S", "I")),
)


def draw_overlay(
    path: Path,
    image: sitk.Image,
    labelmap: sitk.Image,
    labels: Sequence[Mapping[str, Any]],
    title: str,
    overwrite: bool = False,
) -> Path:
    """Draw three planes through the segmentation, the image in grey and the labels over it.

    Args:
        path: PNG file to write.
        image: 3D scalar image.
        labelmap: labels on the image's grid; 0 is background.
        labels: one mapping per label with ``value``, ``name``, ``color`` (red, green, blue, 0 to 255) and optionally
            ``text`` (shown behind the name in the legend).
        title: heading of the picture.
        overwrite: whether an existing file may be replaced.

    Returns:
        ``path``.
    """
    label_image = reorient(labelmap, "LPS")
    spacing_mm = label_image.GetSpacing()[::-1]
    grey = sitk.GetArrayFromImage(reorient(image, "LPS")).astype(np.float32)
    values = sitk.GetArrayFromImage(label_image)
    window = np.percentile(grey, _DISPLAY_PERCENTILES)
    shown = _box_around(values, spacing_mm)
    grey, values = grey[shown], values[shown]
    inside = np.argwhere(values > 0)

    figure = Figure(figsize=(12.0, 5.2), dpi=110, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    width_ratios = [values.shape[2] * spacing_mm[2], values.shape[2] * spacing_mm[2], values.shape[1] * spacing_mm[1]]
    grid = figure.add_gridspec(
        1, 3, width_ratios=width_ratios, left=0.02, right=0.98, top=0.9, bottom=0.13, wspace=0.05
    )
    figure.suptitle(title, color=_TEXT, fontsize=13)
    for column, (name, axis, share, letters) in enumerate(_PLANES):
        axes = figure.add_subplot(grid[0, column])
        place = round(float(np.quantile(inside[:, axis], share))) if len(inside) else values.shape[axis] // 2
        rows_mm, columns_mm = (length for index, length in enumerate(spacing_mm) if index != axis)
        cut = [np.take(array, place, axis=axis) for array in (grey, values)]
        if axis != 0:  # superior at the top
            cut = [np.flipud(plane) for plane in cut]
        _draw_plane(axes, cut[0], cut[1], labels, (float(window[0]), float(window[1])), rows_mm / columns_mm)
        _annotate(axes, name, letters, cut[0].shape, columns_mm)
    handles = [
        Patch(facecolor=_unit_colour(label), label=" ".join(filter(None, (label["name"], label.get("text", "")))))
        for label in labels
    ]
    legend = figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=11)
    for text in legend.get_texts():
        text.set_color(_TEXT)
    with replace_atomically(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format="png", facecolor=_BACKGROUND)
    return path


def _box_around(values: np.ndarray, spacing_mm: Sequence[float]) -> tuple[slice, ...]:
    """Return the part of the array that holds all labels with a margin; everything when there is no label."""
    inside = np.argwhere(values > 0)
    if not len(inside):
        return tuple(slice(None) for _ in values.shape)
    margin = [round(_MARGIN_MM / spacing) for spacing in spacing_mm]
    low = np.maximum(inside.min(axis=0) - margin, 0)
    high = inside.max(axis=0) + margin + 1
    return tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))


def _unit_colour(label: Mapping[str, Any]) -> tuple[float, float, float]:
    red, green, blue = (channel / 255.0 for channel in label["color"])
    return red, green, blue


def _draw_plane(
    axes: Axes,
    grey: np.ndarray,
    values: np.ndarray,
    labels: Sequence[Mapping[str, Any]],
    window: tuple[float, float],
    aspect: float,
) -> None:
    axes.imshow(grey, cmap="gray", vmin=window[0], vmax=window[1], aspect=aspect, interpolation="nearest")
    colours = np.zeros((*values.shape, 4))
    for label in labels:
        colours[values == label["value"]] = (*_unit_colour(label), _OPACITY)
    axes.imshow(colours, aspect=aspect, interpolation="nearest")
    axes.set_axis_off()


def _annotate(
    axes: Axes, name: str, letters: tuple[str, str, str, str], shape: tuple[int, ...], column_mm: float
) -> None:
    """Write the plane's name, the directions at its edges and a scale bar."""
    rows, columns = shape[:2]
    axes.set_title(name, color=_TEXT, fontsize=11)
    places = ((0.01, 0.5), (0.99, 0.5), (0.5, 0.99), (0.5, 0.01))
    sides = (("left", "center"), ("right", "center"), ("center", "top"), ("center", "bottom"))
    for letter, (x, y), (horizontal, vertical) in zip(letters, places, sides, strict=True):
        axes.text(x, y, letter, color=_TEXT, transform=axes.transAxes, ha=horizontal, va=vertical, fontsize=10)
    length = _SCALE_BAR_MM / column_mm
    left, height = columns * 0.04, rows * 0.96
    axes.add_line(Line2D([left, left + length], [height, height], color=_TEXT, linewidth=2.5))
    axes.text(left + length / 2, height - rows * 0.015, "5 cm", color=_TEXT, ha="center", va="bottom", fontsize=9)
