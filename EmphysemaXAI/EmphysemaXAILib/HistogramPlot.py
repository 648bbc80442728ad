"""The histogram of each region as a table, plot series and a chart."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from SlicerMambaMedLib.Text import tr as _

__all__ = ["addHistogram", "histogramOfTable", "showRegions"]

_X = "HU"
# Colours that colour-blind people can tell apart (Okabe and Ito, Color Universal Design, 2008).
_COLORS = (
    (0.00, 0.45, 0.70),
    (0.90, 0.62, 0.00),
    (0.00, 0.62, 0.45),
    (0.80, 0.47, 0.65),
    (0.34, 0.71, 0.91),
    (0.84, 0.37, 0.00),
    (0.60, 0.60, 0.60),
)
_FIRST_SHOWN = 3  # whole, left and right lung
_SERIES_ROLE = "mambamedSeries"


def addHistogram(
    scene: Any, name: str, edgesHu: Sequence[float], counts: Mapping[str, Sequence[float]]
) -> tuple[Any, Any, list[Any]]:
    """Add a table with the counts, one plot series per region and a chart.

    Args:
        scene: where the nodes go.
        name: of the table and the chart.
        edgesHu: edges of the bins, one more than there are counts.
        counts: region name to the count of voxels per bin.

    Returns:
        The table, the chart, and the series.
    """
    edges = np.asarray(edgesHu, dtype=float)
    widths = np.diff(edges)
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    columns = {_X: (edges[1:] + edges[:-1]) / 2}
    for region, values in counts.items():
        numbers = np.asarray(values, dtype=float)
        columns[region] = 100.0 * numbers / max(numbers.sum(), 1.0) / widths
    for title, values in columns.items():
        column = vtk.vtkDoubleArray()
        column.SetName(title)
        for value in values:
            column.InsertNextValue(float(value))
        table.AddColumn(column)
    table.SetLocked(True)
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", name)
    chart.SetTitle(name)
    chart.SetXAxisTitle(_("CT number (HU)"))
    chart.SetYAxisTitle(_("Share of the region (% per HU)"))
    series = [_addSeries(scene, table, region, index) for index, region in enumerate(counts)]
    for node in series:
        chart.AddNodeReferenceID(_SERIES_ROLE, node.GetID())
    showRegions(chart, list(counts)[:_FIRST_SHOWN])
    return table, chart, series


def showRegions(chart: Any, regions: Sequence[str]) -> None:
    """Let a chart show the histograms of these regions."""
    chart.RemoveAllPlotSeriesNodeIDs()
    for index in range(chart.GetNumberOfNodeReferences(_SERIES_ROLE)):
        node = chart.GetNthNodeReference(_SERIES_ROLE, index)
        if node is not None and node.GetYColumnName() in regions:
            chart.AddAndObservePlotSeriesNodeID(node.GetID())


def histogramOfTable(table: Any) -> dict[str, Any]:
    """Return what ``addHistogram`` put into a table: ``centres_hu`` and, by region, ``percent_per_hu``."""
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    columns = {name: [float(value) for value in slicer.util.arrayFromTableColumn(table, name)] for name in names}
    return {"centres_hu": columns.pop(_X), "percent_per_hu": columns}


def _addSeries(scene: Any, table: Any, region: str, index: int) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", region)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetXColumnName(_X)
    node.SetYColumnName(region)
    node.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    node.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
    node.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleSolid)
    node.SetLineWidth(2.0)
    node.SetColor(*_COLORS[index % len(_COLORS)])
    return node
