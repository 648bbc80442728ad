"""Widgets for segments: qMRMLSegmentsTableView, qMRMLSegmentSelectorWidget, qMRMLSegmentationShow3DButton."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore
from PySide6 import QtGui
from PySide6 import QtWidgets

from ...pythonqt.conversion import to_python
from ..factory import behaviour
from .scene_widgets import SceneWidget

__all__ = ["SegmentSelectorWidget", "SegmentsTableView", "Show3DButton"]


def _segment_ids(node: Any) -> list[str]:
    return list(node.GetSegmentation().GetSegmentIDs()) if node is not None and node.GetSegmentation() else []


@behaviour("qMRMLSegmentsTableView")
class SegmentsTableView(SceneWidget):
    """A table with one row per segment: visibility, colour, opacity, name."""

    _h_defaults = {
        "visibilityColumnVisible": True,
        "colorColumnVisible": True,
        "opacityColumnVisible": True,
        "statusColumnVisible": False,
        "headerVisible": True,
        "selectionMode": 3,
    }

    def _h_build(self) -> None:
        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_table", QtWidgets.QTableWidget(0, 4, self))
        self._h_table.setHorizontalHeaderLabels(["", "Color", "Opacity", "Name"])
        self._h_table.horizontalHeader().setStretchLastSection(True)
        self._h_table.verticalHeader().hide()
        for column, width in enumerate((28, 44, 58)):
            self._h_table.setColumnWidth(column, width)
        self._h_table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        layout.addWidget(self._h_table)
        self._h_table.selectionModel().selectionChanged.connect(
            lambda on, off: self._h_emit(
                "selectionChanged(QItemSelection,QItemSelection)", to_python(on), to_python(off)
            )
        )
        self._h_set("_h_ids", [])

    def _h_do_setSegmentationNode(self, node: Any) -> None:
        old = self._h_state.get("tags", [])
        for observed, tag in old:
            observed.RemoveObserver(tag)
        self._h_state["node"] = node
        self._h_state["tags"] = []
        if node is not None:
            for observed in (node, node.GetSegmentation(), node.GetDisplayNode()):
                if observed is not None:
                    tag = observed.AddObserver("AnyEvent", self._h_something_changed)
                    self._h_state["tags"].append((observed, tag))
        self._h_show()

    def _h_something_changed(self, caller: Any, event: str) -> None:
        if not self._h_state.get("refresh pending"):
            self._h_state["refresh pending"] = True
            QtCore.QTimer.singleShot(0, self._h_show)

    def _h_do_segmentationNode(self) -> Any:
        return self._h_state.get("node")

    def _h_show(self) -> None:
        self._h_state["refresh pending"] = False
        node = self._h_state.get("node")
        if node is not None and node.GetScene() is None:
            node = self._h_state["node"] = None
        ids = _segment_ids(node)
        selected = set(self._h_do_selectedSegmentIDs())
        self._h_set("_h_ids", ids)
        self._h_table.setRowCount(len(ids))
        display = node.GetDisplayNode() if node is not None else None
        for row, segment_id in enumerate(ids):
            segment = node.GetSegmentation().GetSegment(segment_id)
            visible = display is None or display.GetSegmentVisibility(segment_id)
            opacity = display.GetSegmentOpacity3D(segment_id) if display is not None else 1.0
            color = QtWidgets.QTableWidgetItem()
            color.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            items = ("👁" if visible else "", None, f"{opacity:.2f}", segment.GetName())
            for column, text in enumerate(items):
                self._h_table.setItem(row, column, color if text is None else QtWidgets.QTableWidgetItem(text))
            if segment_id in selected:
                self._h_table.selectRow(row)
        for column, name in enumerate(("visibility", "color", "opacity")):
            self._h_table.setColumnHidden(column, not self._h_get(f"{name}ColumnVisible"))
        self._h_table.horizontalHeader().setVisible(self._h_get("headerVisible"))

    def _h_changed(self, name: str) -> None:
        self._h_show()

    def _h_get_segmentCount(self) -> int:
        return len(self._h_ids)

    def _h_do_selectedSegmentIDs(self) -> tuple[str, ...]:
        rows = sorted({index.row() for index in self._h_table.selectionModel().selectedRows()})
        return tuple(self._h_ids[row] for row in rows if row < len(self._h_ids))

    def _h_do_setSelectedSegmentIDs(self, ids: Any) -> None:
        self._h_table.clearSelection()
        for segment_id in ids:
            if segment_id in self._h_ids:
                self._h_table.selectRow(self._h_ids.index(segment_id))

    def _h_do_clearSelection(self) -> None:
        self._h_table.clearSelection()

    def _h_do_displayedSegmentIDs(self) -> tuple[str, ...]:
        return tuple(self._h_ids)

    def _h_do_segmentIDForRow(self, row: int) -> str:
        return self._h_ids[row]

    def _h_do_rowForSegmentID(self, segment_id: str) -> int:
        return self._h_ids.index(segment_id) if segment_id in self._h_ids else -1

    def _h_do_tableWidget(self) -> Any:
        return to_python(self._h_table)


@behaviour("qMRMLSegmentSelectorWidget")
class SegmentSelectorWidget(SceneWidget):
    """A segmentation selector above a segment selector."""

    _h_defaults = {"segmentationNodeSelectorVisible": True}

    def _h_build(self) -> None:
        from ..factory import custom_class

        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_nodes_box", custom_class("qMRMLNodeComboBox")(self))
        self._h_nodes_box.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._h_nodes_box.addEnabled = False
        self._h_nodes_box.noneEnabled = True
        self._h_set("_h_combo", QtWidgets.QComboBox(self))
        layout.addWidget(self._h_nodes_box)
        layout.addWidget(self._h_combo)
        self._h_nodes_box.connect("currentNodeChanged(vtkMRMLNode*)", self._h_node_changed)
        self._h_combo.currentIndexChanged.connect(self._h_segment_changed)

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        SceneWidget._h_do_setMRMLScene(self, scene)
        self._h_nodes_box.setMRMLScene(scene)

    def _h_node_changed(self, node: Any) -> None:
        self._h_combo.blockSignals(True)
        self._h_combo.clear()
        for segment_id in _segment_ids(node):
            self._h_combo.addItem(node.GetSegmentation().GetSegment(segment_id).GetName(), segment_id)
        self._h_combo.blockSignals(False)
        self._h_emit("currentNodeChanged(vtkMRMLNode*)", node)
        self._h_emit("currentNodeChanged(bool)", node is not None)
        self._h_segment_changed()

    def _h_segment_changed(self, *_index: int) -> None:
        self._h_emit("currentSegmentChanged(QString)", self._h_do_currentSegmentID())

    def _h_do_currentNode(self) -> Any:
        return self._h_nodes_box.currentNode()

    def _h_do_currentNodeID(self) -> str:
        return self._h_nodes_box.currentNodeID

    def _h_do_setCurrentNode(self, node: Any) -> None:
        self._h_nodes_box.setCurrentNode(node)

    def _h_do_setCurrentNodeID(self, node_id: str) -> None:
        self._h_nodes_box.setCurrentNodeID(node_id)

    def _h_do_currentSegmentID(self) -> str:
        return self._h_combo.currentData() or ""

    def _h_do_setCurrentSegmentID(self, segment_id: str) -> None:
        self._h_combo.setCurrentIndex(self._h_combo.findData(segment_id))

    def _h_do_segmentIDs(self) -> tuple[str, ...]:
        return tuple(_segment_ids(self._h_do_currentNode()))

    def _h_do_selectedSegmentIDs(self) -> tuple[str, ...]:
        current = self._h_do_currentSegmentID()
        return (current,) if current else ()

    def _h_changed(self, name: str) -> None:
        if name == "segmentationNodeSelectorVisible":
            QtWidgets.QWidget.setVisible(self._h_nodes_box, self._h_get(name))
        elif name == "noneEnabled":
            self._h_nodes_box.noneEnabled = self._h_get(name)


@behaviour("qMRMLSegmentationShow3DButton")
class Show3DButton(SceneWidget):
    """Makes or removes the closed surface of a segmentation."""

    def _h_build(self) -> None:
        QtWidgets.QPushButton.setText(self, "Show 3D")
        QtWidgets.QPushButton.setCheckable(self, True)
        self.connect("toggled(bool)", self._h_toggled)

    def _h_toggled(self, show: bool) -> None:
        node = self._h_state.get("node")
        if node is None:
            return
        if show:
            node.CreateClosedSurfaceRepresentation()
        else:
            node.RemoveClosedSurfaceRepresentation()

    def _h_do_setSegmentationNode(self, node: Any) -> None:
        self._h_state["node"] = node
        QtWidgets.QPushButton.blockSignals(self, True)
        name = "Closed surface"
        has_surface = node is not None and bool(node.GetSegmentation().ContainsRepresentation(name))
        QtWidgets.QPushButton.setChecked(self, has_surface)
        QtWidgets.QPushButton.blockSignals(self, False)
        QtWidgets.QWidget.setEnabled(self, node is not None)

    def _h_do_segmentationNode(self) -> Any:
        return self._h_state.get("node")
