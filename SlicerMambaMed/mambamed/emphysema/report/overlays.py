"""Pictures of the CT with labels or a heat map over it, drawn without Slicer: three axial planes and a coronal one."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mambamed.emphysema.report.charts import figure_png
from mambamed.emphysema.report.document import Picture
from mambamed.imaging.orientation import reorient

__all__ = ["OverlayPainter"]

_WINDOW_HU = (-1100.0, 200.0)
_OPACITY = 0.55
_SHOWN_FROM = 0.3  # of the brightest colour; below it a heat map is transparent
_BACKGROUND = "black"
_TEXT = "white"
_MARGIN_MM = 10.0
_SCALE_BAR_MM = 50.0
_AXIAL_PLACES = (0.8, 0.5, 0.25)  # share of the lungs' height, from below


@dataclass(frozen=True)
class _Plane:
    """A cut through the volume: title, array axis, index, and the letters at its left, right, top and bottom."""

    title: str
    axis: int
    index: int
    letters: tuple[str, str, str, str]


class OverlayPainter:
    """Draws pictures of one CT, all with the same planes, so that they can be compared.

    Args:
        ct: the CT in HU.
        lungs: label map on its grid; the planes are laid through what is not 0.
    """

    def __init__(self, ct: sitk.Image, lungs: sitk.Image) -> None:
        # Axes to left, posterior and superior: arrays are indexed [superior, posterior, left].
        turned = reorient(ct, "LPS")
        self._spacing_mm = turned.GetSpacing()[::-1]
        inside = sitk.GetArrayFromImage(reorient(lungs, "LPS")) > 0
        if not inside.any():
            inside = np.ones(inside.shape, dtype=bool)
        self._box = _box_around(inside, self._spacing_mm)
        self._grey = self._array(ct)
        self._planes = _planes(inside[self._box])

    def labels(self, labelmap: sitk.Image, labels: Sequence[Mapping[str, Any]], caption: str) -> Picture:
        """Draw a label map.

        Args:
            labelmap: on the CT's grid; 0 is clear.
            labels: ``value``, ``name`` and ``color`` (red, green, blue, 0 to 255).
            caption: what is seen.
        """
        values = self._array(labelmap)
        shown = [label for label in labels if (values == label["value"]).any()]

        def paint(axes: Axes, cut: np.ndarray, aspect: float) -> None:
            colours = np.zeros((*cut.shape, 4))
            for label in shown:
                colours[cut == label["value"]] = (*_unit_colour(label), _OPACITY)
            axes.imshow(colours, aspect=aspect, interpolation="nearest")

        figure = self._figure(values, paint)
        handles = [Patch(facecolor=_unit_colour(label), label=label["name"]) for label in shown]
        if handles:
            legend = figure.legend(handles=handles, loc="lower center", ncols=6, frameon=False, fontsize=9)
            for text in legend.get_texts():
                text.set_color(_TEXT)
        return Picture(figure_png(figure), caption)

    def heat_map(self, image: sitk.Image, caption: str) -> Picture:
        """Draw a heat map from 0 to the value that only 0.1 % of the map's voxels exceed; low values are clear."""
        values = np.clip(self._array(image).astype(np.float32), 0.0, None)
        positive = values[values > 0]
        top = float(np.quantile(positive, 0.999)) if positive.size else 1.0
        top = top if top > 0 else 1.0
        drawn: list[Any] = []

        def paint(axes: Axes, cut: np.ndarray, aspect: float) -> None:
            masked = np.ma.masked_less(cut, _SHOWN_FROM * top)
            options: dict[str, Any] = {"cmap": "inferno", "vmin": 0.0, "vmax": top, "interpolation": "nearest"}
            drawn.append(axes.imshow(masked, aspect=aspect, alpha=_OPACITY, **options))

        figure = self._figure(values, paint)
        bar = figure.colorbar(
            drawn[-1], cax=figure.add_axes((0.3, 0.07, 0.4, 0.03)), orientation="horizontal", ticks=(0.0, top / 2, top)
        )
        bar.ax.tick_params(colors=_TEXT, labelsize=8)
        bar.ax.set_xticklabels(("0", f"{top / 2:.2g}", f"{top:.2g}"))
        return Picture(figure_png(figure), f"{caption} Transparent below {_SHOWN_FROM:.0%} of the brightest colour.")

    def _array(self, image: sitk.Image) -> np.ndarray:
        return np.asarray(sitk.GetArrayFromImage(reorient(image, "LPS"))[self._box])

    def _figure(self, values: np.ndarray, paint: Any) -> Figure:
        figure = Figure(figsize=(11.0, 3.6), dpi=100, facecolor=_BACKGROUND)
        widths = [values.shape[2] * self._spacing_mm[2]] * len(self._planes)
        grid = figure.add_gridspec(
            1, len(self._planes), width_ratios=widths, left=0.01, right=0.99, top=0.9, bottom=0.13, wspace=0.03
        )
        for column, plane in enumerate(self._planes):
            axes = figure.add_subplot(grid[0, column])
            rows_mm, columns_mm = (length for index, length in enumerate(self._spacing_mm) if index != plane.axis)
            grey, cut = (np.take(array, plane.index, axis=plane.axis) for array in (self._grey, values))
            if plane.axis != 0:  # superior at the top
                grey, cut = np.flipud(grey), np.flipud(cut)
            aspect = rows_mm / columns_mm
            low, high = _WINDOW_HU
            axes.imshow(grey, cmap="gray", vmin=low, vmax=high, aspect=aspect, interpolation="nearest")
            paint(axes, cut, aspect)
            axes.set_axis_off()
            _annotate(axes, plane, cut.shape, columns_mm)
        return figure


def _unit_colour(label: Mapping[str, Any]) -> tuple[float, float, float]:
    red, green, blue = (part / 255.0 for part in label["color"])
    return red, green, blue


def _planes(inside: np.ndarray) -> list[_Plane]:
    """Choose the planes by where the lungs are: axial ones at three heights, a coronal one through their middle."""
    levels = np.flatnonzero(inside.any(axis=(1, 2)))
    rows = np.flatnonzero(inside.any(axis=(0, 2)))
    planes = []
    for share in _AXIAL_PLACES:
        index = round(float(levels[0] + share * (levels[-1] - levels[0])))
        planes.append(_Plane("Axial", 0, index, ("R", "L", "A", "P")))
    middle = round(float(rows[0] + 0.55 * (rows[-1] - rows[0])))
    planes.append(_Plane("Coronal", 1, middle, ("R", "L", "S", "I")))
    return planes


def _box_around(inside: np.ndarray, spacing_mm: Sequence[float]) -> tuple[slice, ...]:
    """Return the part of the array that holds the lungs, with a margin."""
    box = []
    for axis, spacing in enumerate(spacing_mm):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(inside.any(axis=others))
        margin = round(_MARGIN_MM / spacing)
        box.append(slice(max(int(found[0]) - margin, 0), int(found[-1]) + margin + 1))
    return tuple(box)


def _annotate(axes: Axes, plane: _Plane, shape: tuple[int, ...], column_mm: float) -> None:
    """Write the plane's name, the directions at its edges and a scale bar."""
    rows, columns = shape[:2]
    axes.set_title(plane.title, color=_TEXT, fontsize=9)
    places = ((0.01, 0.5), (0.99, 0.5), (0.5, 0.99), (0.5, 0.01))
    sides = (("left", "center"), ("right", "center"), ("center", "top"), ("center", "bottom"))
    for letter, (x, y), (horizontal, vertical) in zip(plane.letters, places, sides, strict=True):
        axes.text(x, y, letter, color=_TEXT, transform=axes.transAxes, ha=horizontal, va=vertical, fontsize=8)
    length = _SCALE_BAR_MM / column_mm
    left, height = columns * 0.04, rows * 0.97
    axes.add_line(Line2D([left, left + length], [height, height], color=_TEXT, linewidth=2.0))
    axes.text(left, height - rows * 0.02, "5 cm", color=_TEXT, ha="left", va="bottom", fontsize=7)
