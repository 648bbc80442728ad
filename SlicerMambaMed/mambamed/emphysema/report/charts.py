"""The charts of a report: histogram per region, local patterns, severity with its spread, deletion curves."""

from __future__ import annotations

import io
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mambamed.emphysema.report.colours import PATTERN_COLOURS
from mambamed.emphysema.report.colours import SERIES_COLOURS
from mambamed.emphysema.report.document import Picture
from mambamed.emphysema.report.measure_text import method_title

__all__ = ["deletion_chart", "figure_png", "histogram_chart", "pattern_chart", "percent_per_hu", "severity_chart"]

_DPI = 110
_DASHES = ("-", "--", ":", "-.")


def percent_per_hu(edges_hu: Sequence[float], counts: Sequence[float]) -> list[float]:
    """Return the share of the voxels in each bin, in percent per HU."""
    numbers, widths = np.asarray(counts, dtype=float), np.diff(np.asarray(edges_hu, dtype=float))
    total = float(numbers.sum())
    return list(100.0 * numbers / total / widths) if total > 0 else [0.0] * len(widths)


def histogram_chart(
    centres_hu: Sequence[float], percent: Mapping[str, Sequence[float]], thresholds_hu: Sequence[float] = (-950.0,)
) -> Picture:
    """Draw the HU histogram of each region.

    Args:
        centres_hu: middle of each bin.
        percent: region name to its share of voxels in percent per HU, by bin.
        thresholds_hu: drawn as vertical lines.
    """
    figure = Figure(figsize=(8.4, 3.4), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    centres = np.asarray(centres_hu, dtype=float)
    for index, (region, values) in enumerate(percent.items()):
        colour = SERIES_COLOURS[index % len(SERIES_COLOURS)]
        style = _DASHES[(index // len(SERIES_COLOURS) + index) % len(_DASHES)]
        axes.plot(centres, np.asarray(values, dtype=float), style, color=colour, linewidth=1.3, label=region)
    for threshold in thresholds_hu:
        axes.axvline(threshold, color="#555555", linewidth=0.8)
        axes.annotate(f"{threshold:g}", (threshold, 1.0), xycoords=("data", "axes fraction"), fontsize=7, va="bottom")
    axes.set_xlim(max(centres[0], -1050.0), min(centres[-1], -300.0) if centres[0] < -300.0 else centres[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("CT number (HU)")
    axes.set_ylabel("Share of the region (% per HU)")
    axes.legend(fontsize=7, frameon=False, ncols=2 if len(percent) > 5 else 1)
    return Picture(figure_png(figure), "Histogram of the CT numbers in each region; vertical lines: thresholds.")


def pattern_chart(percent: Mapping[str, Mapping[str, float | None]]) -> Picture:
    """Draw the share of each local pattern as one stacked bar per region."""
    codes = list(dict.fromkeys(code for values in percent.values() for code in values))
    figure = Figure(figsize=(8.4, 0.7 + 0.3 * len(percent)), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    names = list(percent)
    left = np.zeros(len(names))
    for index, code in enumerate(codes):
        widths = np.array([float(percent[name].get(code) or 0.0) for name in names])
        red, green, blue = PATTERN_COLOURS.get(code, (120, 120, 120 - 10 * (index % 10)))
        colour = (red / 255, green / 255, blue / 255)
        axes.barh(names, widths, left=left, color=colour, edgecolor="white", linewidth=0.5, label=code)
        left += widths
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("Share of the region (%)")
    axes.tick_params(labelsize=8)
    figure.legend(loc="outside upper center", ncols=len(codes), fontsize=8, frameon=False)
    return Picture(figure_png(figure), "Share of each local pattern in a region.")


def severity_chart(severity: Mapping[str, Any]) -> Picture:
    """Draw the probabilities of the ordered grades, with their mean and spread."""
    classes, probabilities = list(severity["classes"]), [float(value) for value in severity["probabilities"]]
    figure = Figure(figsize=(8.4, 2.3), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(classes))
    axes.bar(places, [100 * value for value in probabilities], color="#56b4e9", edgecolor="#0072b2")
    for place, value in zip(places, probabilities, strict=True):
        axes.annotate(f"{100 * value:.1f} %", (place, 100 * value), ha="center", va="bottom", fontsize=8)
    mean, spread = severity.get("expected_grade"), severity.get("spread")
    if mean is not None and spread is not None:
        axes.errorbar(mean, 108, xerr=spread, fmt="D", color="#d55e00", capsize=4, label="mean grade ± spread")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.9), fontsize=8, frameon=False)
    axes.set_xticks(places, classes)
    axes.set_xlim(-0.7, len(classes) - 0.3)
    axes.set_ylim(0, 120)
    axes.set_yticks((0, 50, 100))
    axes.set_ylabel("Probability (%)")
    if severity.get("demonstration"):
        axes.set_title("Demonstration model", fontsize=9, color="#00548b", loc="left")
    return Picture(figure_png(figure), "Probability of each grade; diamond: mean grade with its standard deviation.")


def deletion_chart(explanations: Mapping[str, Any]) -> Picture | None:
    """Draw how the evidence falls when each map's highest voxels are made healthy, beside random voxels.

    Args:
        explanations: as in the run record: method to its checks.

    Returns:
        The chart, or None where no deletion check was made.
    """
    curves = {
        method: check["curve"]
        for method, values in explanations.items()
        for check in values.get("checks", ())
        if check.get("name") == "deletion" and check.get("curve")
    }
    if not curves:
        return None
    figure = Figure(figsize=(8.4, 2.8), dpi=_DPI, layout="constrained")
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for axes, (method, curve) in zip(panels, curves.items(), strict=True):
        shares = [100 * share for share in curve["share"]]
        axes.plot(shares, [100 * value for value in curve["map"]], "o-", color="#d55e00", markersize=3, label="map")
        axes.plot(
            shares, [100 * value for value in curve["random"]], "s--", color="#555555", markersize=3, label="random"
        )
        axes.axhline(0.0, color="#bbbbbb", linewidth=0.8)
        axes.set_title(method_title(method), fontsize=9)
        axes.set_xlabel("Lung made healthy (%)", fontsize=8)
        axes.tick_params(labelsize=8)
    panels[0].set_ylabel("Evidence left (%)", fontsize=8)
    panels[0].legend(fontsize=7, frameon=False)
    caption = (
        "Deletion: evidence for the grade that is left when lung is made healthy in the order of each map, and in "
        "random order. With a map that matters it falls faster."
    )
    return Picture(figure_png(figure), caption)


def figure_png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file, the same for the same figure."""
    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None}, facecolor=figure.get_facecolor())
    return stream.getvalue()
