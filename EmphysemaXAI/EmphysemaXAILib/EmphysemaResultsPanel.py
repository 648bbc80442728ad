"""The Results section: warnings on top, tables per region, severity, checks, overlay, record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from SlicerMambaMedLib.ResultViews import jumpTo
from SlicerMambaMedLib.ResultViews import showTable
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.RunRecordView import RunRecordView
from SlicerMambaMedLib.TableFill import fillTable
from SlicerMambaMedLib.TableFill import fitHeight

from EmphysemaXAILib.EmphysemaOverlay import NOTHING
from EmphysemaXAILib.EmphysemaOverlay import EmphysemaOverlay
from EmphysemaXAILib.HeatLegendView import HeatLegendView
from EmphysemaXAILib.HistogramPlot import showRegions
from EmphysemaXAILib.ResultNodes import nodesByRole
from EmphysemaXAILib.ResultRows import changeRows
from EmphysemaXAILib.ResultRows import checkRows
from EmphysemaXAILib.ResultRows import measureRows
from EmphysemaXAILib.ResultRows import patternRows
from EmphysemaXAILib.SeverityView import severityAsHtml
from EmphysemaXAILib.SeverityView import warningsAsHtml

__all__ = ["EmphysemaResultsPanel"]

_TABS = ("densityTab", "patternsTab", "severityTab", "checksTab", "changeTab")


class EmphysemaResultsPanel:
    """Shows one result, found through its run record.

    Args:
        ui: named widgets of the module's panel.
    """

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._recordNode: Any = None
        self._shown: Any = ()
        self._regions: list[str] = []
        self.overlay = EmphysemaOverlay(None)
        self.legend = HeatLegendView(ui.legendLabel)
        ui.measuresTable.connect("cellClicked(int,int)", self._onRow)
        ui.showTableButton.connect("clicked(bool)", self._onShowTable)
        ui.showHistogramButton.connect("clicked(bool)", self._onShowHistogram)
        self.recordView = RunRecordView(ui.showRecordButton, ui.recordText)
        self.show(None)

    def show(self, recordNode: Any | None) -> None:
        """Show the result of a run record; None shows nothing."""
        nodes = nodesByRole(recordNode)
        state = (recordNode, recordNode.GetText() if recordNode is not None else "", nodes)
        if self._shown == state:
            return  # a choice elsewhere in the panel has changed
        self._shown = state
        self._recordNode = recordNode
        record = self._read()
        self.overlay = EmphysemaOverlay(recordNode if record else None)
        self._fillOverlays()
        self._fillTables(record)
        self.ui.warningsBrowser.html = warningsAsHtml(record.get("warnings", []))
        self.ui.warningsBrowser.visible = bool(record.get("warnings"))
        self.ui.severityBrowser.html = severityAsHtml(record.get("severity")) if record else ""
        self.recordView.setNode(recordNode if record else None)
        self.ui.showTableButton.enabled = "measures" in nodes
        self.ui.showHistogramButton.enabled = "chart" in nodes
        self.ui.resultTabs.enabled = bool(record)

    def showOverlay(self, key: str, opacity: float, threshold: float) -> None:
        """Show an overlay of the result; a key that the result lacks shows nothing."""
        keys = list(self.overlay.choices())
        combo = self.ui.overlayComboBox
        wasBlocked = combo.blockSignals(True)
        combo.setCurrentIndex(keys.index(key) if key in keys else 0)
        combo.blockSignals(wasBlocked)
        isMap = self.overlay.isMap(key)
        self.ui.thresholdSlider.enabled = isMap
        self.ui.thresholdLabel.enabled = isMap
        self.overlay.show(key if key in keys else NOTHING, opacity, threshold)
        self._showLegend(key, threshold)

    def setThreshold(self, threshold: float) -> None:
        """Set the share of the brightest colour below which the heat maps are transparent."""
        self.overlay.setThreshold(threshold)
        self._showLegend(self.chosenOverlay, threshold)

    def _showLegend(self, key: str, threshold: float) -> None:
        if self.overlay.isMap(key):
            self.legend.show(self.overlay.node(key), self.overlay.maximum(key), threshold)
        else:
            self.legend.clear()

    @property
    def chosenOverlay(self) -> str:
        """Key of the overlay that the list shows."""
        return str(self.ui.overlayComboBox.currentData or NOTHING)

    def _read(self) -> dict[str, Any]:
        if self._recordNode is None:
            return {}
        try:
            return dict(readRecord(self._recordNode))
        except ValueError:
            return {}

    def _fillOverlays(self) -> None:
        combo = self.ui.overlayComboBox
        wasBlocked = combo.blockSignals(True)
        combo.clear()
        for key, name in self.overlay.choices().items():
            combo.addItem(name, key)
        combo.blockSignals(wasBlocked)

    def _fillTables(self, record: Mapping[str, Any]) -> None:
        header, rows = measureRows(record)
        self._regions = [row[0] for row in rows]
        fillTable(self.ui.measuresTable, header, rows)
        fillTable(self.ui.patternsTable, *patternRows(record))
        header, rows, toolTips, failed = checkRows(record)
        fillTable(self.ui.checksTable, header, rows, toolTips, bold=failed)
        header, rows, toolTips = changeRows(record)
        fillTable(self.ui.changeTable, header, rows, toolTips)
        for table in (self.ui.measuresTable, self.ui.patternsTable, self.ui.checksTable, self.ui.changeTable):
            table.resizeColumnsToContents()
            fitHeight(table, least=3, slack=20)
        filled = {
            "patternsTab": bool(record.get("patterns")),
            "severityTab": bool(record.get("severity")),
            "checksTab": bool(record.get("explanations")),
            "changeTab": bool(record.get("change")),
        }
        tabs = self.ui.resultTabs
        # Without a result the whole is disabled; its tabs are not, since Qt would leave the first one.
        for index, name in enumerate(_TABS):
            tabs.setTabEnabled(index, not record or filled.get(name, True))
        count = len(failed)
        checks = _TABS.index("checksTab")
        icon = qt.QApplication.style().standardIcon(qt.QStyle.SP_MessageBoxWarning) if count else qt.QIcon()
        tabs.setTabIcon(checks, icon)
        tabs.setTabToolTip(checks, _("{count} checks failed").format(count=count) if count else "")

    def _onRow(self, row: int, column: int) -> None:
        """Jump to the clicked region in the slice views and add its histogram to the plot."""
        if not 0 <= row < len(self._regions):
            return
        region = self._regions[row]
        nodes = nodesByRole(self._recordNode)
        chart = nodes.get("chart")
        if chart is not None:
            showRegions(chart, [*self._regions[:1], region])
        for key in ("regions", "lobes"):
            node = nodes.get(key)
            identifier = node.GetSegmentation().GetSegmentIdBySegmentName(region) if node is not None else ""
            center = node.GetSegmentCenterRAS(identifier) if identifier else None
            if center is not None:
                jumpTo(node.GetScene(), center)
                return

    def _onShowTable(self, checked: bool = False) -> None:
        showTable(nodesByRole(self._recordNode).get("measures"))

    def _onShowHistogram(self, checked: bool = False) -> None:
        chart = nodesByRole(self._recordNode).get("chart")
        layoutManager = slicer.app.layoutManager()
        if layoutManager is None or chart is None:
            return
        layoutManager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView)
        slicer.modules.plots.logic().ShowChartInLayout(chart)
