"""The Results section: what to apply to what, what was measured, undo, run record."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _
from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord
from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.RunRecordNode import recordOfResult
from SlicerMambaMedLib.RunRecordNode import resultNodes

from DISARegistrationLib.Placement import OUTPUT_ATTRIBUTE
from DISARegistrationLib.Placement import RESULT_ATTRIBUTE
from DISARegistrationLib.Placement import resultTransformOver
from DISARegistrationLib.PlotView import PlotView
from DISARegistrationLib.RegistrationQuality import howToUse
from DISARegistrationLib.RegistrationQuality import qualityRows
from DISARegistrationLib.RegistrationQuality import reliability

__all__ = ["RegistrationResultsPanel"]


class RegistrationResultsPanel:
    """Shows one transform node that a run has made, with what belongs to it (found through the run record).

    After ``show`` the attributes ``fixed``, ``moving``, ``jacobian`` and ``similarityMap`` hold the nodes of that run.

    Args:
        ui: named widgets of the module's panel.
    """

    ROW_HEIGHT = 22

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self.transform: Any = None
        self.record: Any = None
        self.fixed: Any = None
        self.moving: Any = None
        self.jacobian: Any = None
        self.similarityMap: Any = None
        self.histogram = PlotView(ui.jacobianPlotLabel, _("Jacobian, share of voxels"), ui.qualityCollapsibleButton)
        ui.showRecordButton.connect("toggled(bool)", self._onShowRecord)
        table = ui.qualityTable
        table.setColumnCount(2)
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(self.ROW_HEIGHT)
        table.horizontalHeader().setVisible(False)
        table.horizontalHeader().setStretchLastSection(True)
        self.show(None)

    def show(self, transform: Any | None) -> None:
        """Show a result's transform node; None shows nothing."""
        self.transform = transform
        self.refresh()

    def refresh(self) -> None:
        """Show the present state of the result's nodes."""
        transform = self.transform
        self.record = recordOfResult(transform) if transform is not None else None
        content = readRecord(self.record) if self.record is not None else {}
        results = resultNodes(self.record) if self.record is not None else []
        inputs = self._inputs()
        self.fixed, self.moving = inputs.get("fixed"), inputs.get("moving")
        outputs = self._volumes(results)
        self.jacobian, self.similarityMap = outputs.get("jacobian"), outputs.get("similarity-map")
        quality = content.get("quality", {})
        self._fillTable(qualityRows(quality))
        self._showText(self.ui.warningsLabel, self._warnings(content))
        self._showText(self.ui.reliabilityLabel, reliability(quality))
        usage = ""
        if transform is not None:
            inverses = [node for node in results if node.GetAttribute(RESULT_ATTRIBUTE) == "inverse"]
            inverse = inverses[0] if inverses else None
            isApplied = self.moving is not None and resultTransformOver(self.moving) is transform
            usage = howToUse(transform, inverse, self.fixed, self.moving, outputs.get("warped"), isApplied)
        self._showText(self.ui.usageLabel, usage)
        histogram = quality.get("jacobian_histogram")
        if histogram and transform is not None and not transform.IsLinear():
            self.histogram.showBars(histogram["edges"], histogram["counts"], mark=1.0)
        else:
            self.histogram.clear()
        for button in (self.ui.undoButton, self.ui.showRecordButton):
            button.enabled = self.record is not None
        if self.record is None:
            self.ui.showRecordButton.checked = False
        self._onShowRecord(bool(self.ui.showRecordButton.checked))

    def _inputs(self) -> dict[str, Any]:
        """Return the recorded run's input nodes by name, as far as they are still there."""
        if self.record is None:
            return {}
        names = [str(item.get("name", "")) for item in readRecord(self.record).get("inputs", [])]
        try:
            return dict(zip(names, inputNodesOfRecord(self.record), strict=False))
        except ValueError:
            return {}

    @staticmethod
    def _volumes(results: list[Any]) -> dict[str, Any]:
        """Return the result's volumes by the names of the engine's outputs."""
        marked = ((node.GetAttribute(OUTPUT_ATTRIBUTE), node) for node in results)
        return {name: node for name, node in marked if name}

    @staticmethod
    def _warnings(content: dict[str, Any]) -> str:
        return "\n".join(_("Warning: {text}").format(text=text) for text in content.get("warnings", []))

    def _showText(self, label: Any, text: str) -> None:
        label.text = text
        self._setVisible(label, bool(text))

    def _setVisible(self, widget: Any, isShown: bool) -> None:
        """Show or hide a part of the section; in a closed section all stays hidden until it is opened."""
        widget.visible = isShown and not self.ui.resultsCollapsibleButton.collapsed

    def _fillTable(self, rows: list[tuple[str, str]]) -> None:
        table = self.ui.qualityTable
        table.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                table.setItem(row, column, qt.QTableWidgetItem(text))
        table.resizeColumnToContents(0)
        height = self.ROW_HEIGHT * max(len(rows), 1) + 4
        table.minimumHeight = height
        table.maximumHeight = height
        self._setVisible(table, bool(rows))

    def _onShowRecord(self, checked: bool) -> None:
        self.ui.recordText.plainText = self.record.GetText() if checked and self.record is not None else ""
        self._setVisible(self.ui.recordText, checked and self.record is not None)
