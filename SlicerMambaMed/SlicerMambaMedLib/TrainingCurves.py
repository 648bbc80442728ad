"""Live curves of a training in Slicer's plot view: a table, a series for each metric, a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk

from SlicerMambaMedLib.Text import tr as _

__all__ = ["TrainingCurves"]

_STEP_COLUMN = "epoch"
_ATTRIBUTE = "MambaMed.CurvesOf"
_COLORS = ((0.0, 0.45, 0.70), (0.90, 0.62, 0.0), (0.0, 0.62, 0.45), (0.80, 0.47, 0.65))
"""Blue, orange, green and purple that colour-blind people can tell apart (Okabe and Ito)."""


class TrainingCurves:
    """Nodes of one chart, made with the first value; values of an epoch that comes again replace the older ones.

    Args:
        scene: where the nodes go.
        title: of the chart and its nodes.
        metrics: names of the metrics that are drawn; others are passed over.
        axis: what the curves show.
        steps: what they are drawn over.
    """

    def __init__(self, scene: Any, title: str, metrics: Sequence[str], axis: str, steps: str) -> None:
        self._scene = scene
        self._title = title
        self._metrics = tuple(metrics)
        self._axis = axis
        self._steps = steps
        self._values: dict[int, dict[str, float]] = {}
        self._table: Any = None
        self.chart: Any = None

    @property
    def epochs(self) -> list[int]:
        """The epochs that have values."""
        return sorted(self._values)

    def values(self, metric: str) -> list[float]:
        """Return the curve of a metric, NaN where it has no value."""
        return [self._values[epoch].get(metric, float("nan")) for epoch in self.epochs]

    def add(self, name: str, value: float | None, step: int | None) -> None:
        """Take one measured value of the training."""
        if name not in self._metrics or value is None or step is None:
            return
        self._values.setdefault(int(step), {})[name] = float(value)
        if self._table is None or self._table.GetScene() is None:
            self._makeNodes()
        self._fillTable()

    def show(self) -> None:
        """Show the chart in a plot view, in a layout that has one."""
        if self.chart is not None and self.chart.GetScene() is not None:
            slicer.modules.plots.logic().ShowChartInLayout(self.chart)

    def _findNodes(self) -> bool:
        """Take up the nodes that an earlier panel made for this training; return whether there are any."""
        for chart in slicer.util.getNodesByClass("vtkMRMLPlotChartNode", self._scene):
            series = chart.GetNthPlotSeriesNode(0)
            if chart.GetAttribute(_ATTRIBUTE) == self._title and series is not None and series.GetTableNode():
                self.chart, self._table = chart, series.GetTableNode()
                return True
        return False

    def _makeNodes(self) -> None:
        if self._findNodes():
            return
        add = self._scene.AddNewNodeByClass
        self._table = add("vtkMRMLTableNode", _("{title} values").format(title=self._title))
        for name in (_STEP_COLUMN, *self._metrics):
            column = vtk.vtkDoubleArray()
            column.SetName(name)
            self._table.AddColumn(column)
        self.chart = add("vtkMRMLPlotChartNode", self._title)
        self.chart.SetAttribute(_ATTRIBUTE, self._title)
        self.chart.SetTitle(self._title)
        self.chart.SetXAxisTitle(self._steps)
        self.chart.SetYAxisTitle(self._axis)
        for name, color in zip(self._metrics, _COLORS, strict=False):
            series = add("vtkMRMLPlotSeriesNode", name)
            series.SetAndObserveTableNodeID(self._table.GetID())
            series.SetXColumnName(_STEP_COLUMN)
            series.SetYColumnName(name)
            series.SetPlotType(series.PlotTypeScatter)
            series.SetMarkerStyle(series.MarkerStyleCircle)
            series.SetColor(*color)
            self.chart.AddAndObservePlotSeriesNodeID(series.GetID())

    def _fillTable(self) -> None:
        table = self._table.GetTable()
        table.SetNumberOfRows(len(self._values))
        for row, epoch in enumerate(self.epochs):
            table.GetColumnByName(_STEP_COLUMN).SetValue(row, float(epoch))
            for name in self._metrics:
                table.GetColumnByName(name).SetValue(row, self._values[epoch].get(name, float("nan")))
        table.Modified()
        self._table.Modified()
