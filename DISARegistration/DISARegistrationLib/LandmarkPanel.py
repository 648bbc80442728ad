"""The table of landmarks: the error of each pair, as it is at this moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from DISARegistrationLib.LandmarkErrors import landmarkErrors

__all__ = ["LandmarkPanel"]


class LandmarkPanel:
    """Follows two markups nodes and a transform.

    Args:
        ui: named widgets of the module's panel.
    """

    REFRESH_DELAY_MS = 40
    ROW_HEIGHT = 22
    SHOWN_ROWS = 6

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._fixed: Any = None
        self._moving: Any = None
        self._transform: Any = None
        self._observations: list[tuple[Any, int]] = []
        # Dragging a point tells of every pixel; the table is filled at most this often.
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(self.REFRESH_DELAY_MS)
        self._timer.connect("timeout()", self.refresh)
        ui.landmarksTable.connect("cellClicked(int,int)", self._onRow)
        ui.landmarksTable.verticalHeader().setVisible(False)
        ui.landmarksTable.verticalHeader().setDefaultSectionSize(self.ROW_HEIGHT)
        self.refresh()

    def show(self, fixed: Any | None, moving: Any | None, transform: Any | None) -> None:
        """Follow these nodes from now on."""
        if (fixed, moving, transform) == (self._fixed, self._moving, self._transform):
            return
        self.cleanup()
        self._fixed, self._moving, self._transform = fixed, moving, transform
        events = ("PointModifiedEvent", "PointAddedEvent", "PointRemovedEvent", "PointPositionDefinedEvent")
        for node in (fixed, moving):
            if node is not None:
                for event in (*events, "TransformModifiedEvent"):
                    self._observe(node, getattr(node, event))
        if transform is not None:
            self._observe(transform, transform.TransformModifiedEvent)
        for widget, node in ((self.ui.fixedPlaceWidget, fixed), (self.ui.movingPlaceWidget, moving)):
            widget.setCurrentNode(node)
        self.refresh()

    def cleanup(self) -> None:
        """Follow nothing."""
        self._timer.stop()
        for node, observation in self._observations:
            node.RemoveObserver(observation)
        self._observations = []
        self._fixed = self._moving = self._transform = None

    def refresh(self) -> None:
        """Fill the table anew."""
        errors = landmarkErrors(self._fixed, self._moving, self._transform)
        table = self.ui.landmarksTable
        table.visible = bool(errors) and not self.ui.qualityCollapsibleButton.collapsed
        table.setColumnCount(3)
        table.setRowCount(len(errors))
        table.setHorizontalHeaderLabels([_("Landmark"), _("Before (mm)"), _("After (mm)")])
        for row, error in enumerate(errors):
            after = "" if error.afterMm is None else f"{error.afterMm:.2f}"
            for column, text in enumerate((error.name, f"{error.beforeMm:.2f}", after)):
                item = qt.QTableWidgetItem(text)
                if column > 0:
                    item.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
                table.setItem(row, column, item)
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        height = table.horizontalHeader().height + self.ROW_HEIGHT * min(max(len(errors), 1), self.SHOWN_ROWS) + 4
        table.minimumHeight = height
        table.maximumHeight = height
        self.ui.landmarksSummaryLabel.text = self._summary(errors)

    def _summary(self, errors: list[Any]) -> str:
        if self._fixed is None or self._moving is None:
            return _("Choose two lists of points to measure the target registration error.")
        counts = [node.GetNumberOfDefinedControlPoints() for node in (self._fixed, self._moving)]
        texts = []
        if counts[0] != counts[1]:
            text = _("{fixed} fixed and {moving} moving points: the first {pairs} form pairs.")
            texts.append(text.format(fixed=counts[0], moving=counts[1], pairs=len(errors)))
        if errors:
            before = np.mean([error.beforeMm for error in errors])
            text = _("Mean of {count} pairs: {before} mm before").format(count=len(errors), before=f"{before:.2f}")
            if errors[0].afterMm is not None:
                after = [error.afterMm for error in errors]
                text += _(", {mean} mm after, at most {maximum} mm").format(
                    mean=f"{np.mean(after):.2f}", maximum=f"{np.max(after):.2f}"
                )
            texts.append(text + ".")
        return " ".join(texts)

    def _observe(self, node: Any, event: int) -> None:
        self._observations.append((node, node.AddObserver(event, self._onModified)))

    def _onModified(self, caller: Any = None, event: Any = None) -> None:
        self._timer.start()

    def _onRow(self, row: int, column: int) -> None:
        """Jump all slice views to the fixed point of the clicked row."""
        defined = [
            index
            for index in range(self._fixed.GetNumberOfControlPoints())
            if self._fixed.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined
        ]
        if row < len(defined):
            position = self._fixed.GetNthControlPointPositionWorld(defined[row])
            slicer.vtkMRMLSliceNode.JumpAllSlices(self._fixed.GetScene(), *position)
