"""The Results section: warnings, volumes per label, overlay, maps, run record."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from SlicerMambaMedLib.ResultViews import jumpTo
from SlicerMambaMedLib.ResultViews import showTable
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.RunRecordNode import recordOfResult
from SlicerMambaMedLib.RunRecordNode import resultNodes
from SlicerMambaMedLib.RunRecordView import RunRecordView
from SlicerMambaMedLib.SegmentationImport import segmentIds
from SlicerMambaMedLib.TableFill import fillTable
from SlicerMambaMedLib.TableFill import fitHeight

__all__ = ["SegmentationResultsPanel"]


class SegmentationResultsPanel:
    """Shows one segmentation node that a run has made, with what belongs to it (found through the run record).

    Args:
        ui: named widgets of the module's panel.
    """

    MAP_OPACITY = 0.6
    SHOWN_ROWS = 6

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._segmentation: Any = None
        self._record: Any = None
        self._table: Any = None
        self._maps: list[Any] = []
        self._shown: Any = ()
        ui.opacitySlider.connect("valueChanged(double)", self._onOpacity)
        ui.thresholdSlider.connect("valueChanged(double)", self._onThreshold)
        ui.mapComboBox.connect("currentIndexChanged(int)", self._onMap)
        ui.volumesTable.connect("cellClicked(int,int)", self._onRow)
        ui.showTableButton.connect("clicked(bool)", self._onShowTable)
        self.recordView = RunRecordView(ui.showRecordButton, ui.recordText)
        self.show(None)

    def show(self, segmentation: Any | None) -> None:
        """Show a segmentation node and what its run record refers to; None shows nothing."""
        record = recordOfResult(segmentation) if segmentation is not None else None
        results = resultNodes(record) if record is not None else []
        if self._shown == (segmentation, record, results):
            return  # a choice elsewhere in the panel has changed: leave the chosen map and the rest as they are
        self._shown = (segmentation, record, results)
        self._segmentation = segmentation
        self._record = record
        self._maps = [node for node in results if node.IsA("vtkMRMLScalarVolumeNode")]
        self._table = next((node for node in results if node.IsA("vtkMRMLTableNode")), None)
        self._fillVolumes()
        self._fillMaps()
        self._showWarnings()
        for widget in (self.ui.volumesTable, self.ui.opacitySlider, self.ui.opacityLabel):
            widget.enabled = segmentation is not None
        self.ui.showTableButton.enabled = self._table is not None
        self.recordView.setNode(self._record)
        display = segmentation.GetDisplayNode() if segmentation is not None else None
        if display is not None:
            wasBlocked = self.ui.opacitySlider.blockSignals(True)
            self.ui.opacitySlider.value = display.GetOpacity2DFill()
            self.ui.opacitySlider.blockSignals(wasBlocked)

    def _fillVolumes(self) -> None:
        table = self.ui.volumesTable
        header, rows = self._volumes()
        fillTable(table, header, [texts for _color, texts in rows], colors=[color for color, _texts in rows])
        fitHeight(table, most=self.SHOWN_ROWS)
        table.maximumHeight = table.minimumHeight
        if header:
            table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)

    def _volumes(self) -> tuple[list[str], list[tuple[Any, list[str]]]]:
        """Return the header and the rows (colour of the segment, texts) of the volume table."""
        if self._table is None or self._segmentation is None:
            return [], []
        colors = {}
        segmentation = self._segmentation.GetSegmentation()
        for identifier in segmentIds(self._segmentation):
            segment = segmentation.GetSegment(identifier)
            colors[segment.GetName()] = segment.GetColor()
        columns = range(self._table.GetNumberOfColumns())
        header = [self._table.GetColumnName(column) for column in columns]
        shown = [column for column in columns if header[column] != "value"]
        rows = []
        for row in range(self._table.GetNumberOfRows()):
            texts = [self._table.GetCellText(row, column) for column in shown]
            rows.append((colors.get(texts[0]), texts))
        titles = {
            "name": _("Label"),
            "voxels": _("Voxels"),
            "volume_ml": _("Volume (ml)"),
            "area_mm2": _("Area (mm²)"),
        }
        return [titles.get(header[column], header[column]) for column in shown], rows

    def _fillMaps(self) -> None:
        combo = self.ui.mapComboBox
        wasBlocked = combo.blockSignals(True)
        combo.clear()
        combo.addItem(_("None"))
        for node in self._maps:
            combo.addItem(node.GetName())
        combo.setCurrentIndex(0)
        combo.blockSignals(wasBlocked)
        for widget in (combo, self.ui.mapLabel, self.ui.thresholdSlider, self.ui.thresholdLabel):
            widget.visible = bool(self._maps)

    def _showWarnings(self) -> None:
        warnings = readRecord(self._record).get("warnings", []) if self._record is not None else []
        self.ui.warningsLabel.text = "\n".join(_("Warning: {text}").format(text=text) for text in warnings)
        self.ui.warningsLabel.visible = bool(warnings)

    def _onOpacity(self, value: float) -> None:
        display = self._segmentation.GetDisplayNode() if self._segmentation is not None else None
        if display is not None:
            display.SetOpacity2DFill(value)

    def _onThreshold(self, value: float) -> None:
        for node in self._maps:
            display = node.GetDisplayNode()
            if display is not None:
                display.SetThreshold(value, display.GetUpperThreshold())

    def _onMap(self, index: int) -> None:
        """Show a map over the image in the slice views; the first entry shows none."""
        if slicer.app.layoutManager() is None:
            return
        node = self._maps[index - 1] if index > 0 else None
        slicer.util.setSliceViewerLayers(foreground=node, foregroundOpacity=self.MAP_OPACITY if node else 0.0)
        if node is not None and hasattr(slicer.modules, "colors"):
            legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(node)
            if legend is not None:
                legend.SetTitleText(node.GetName())

    def _onRow(self, row: int, column: int) -> None:
        """Jump all slice views to the label of the clicked row."""
        name = self.ui.volumesTable.item(row, 0).text()
        segmentation = self._segmentation.GetSegmentation()
        identifier = segmentation.GetSegmentIdBySegmentName(name)
        center = self._segmentation.GetSegmentCenterRAS(identifier) if identifier else None
        jumpTo(self._segmentation.GetScene(), center)

    def _onShowTable(self, checked: bool = False) -> None:
        showTable(self._table)
