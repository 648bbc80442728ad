"""qMRMLTableView: shows a vtkMRMLTableNode."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore
from PySide6 import QtGui
from PySide6 import QtWidgets

from ...pythonqt.conversion import to_python
from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["TableView"]


@behaviour("qMRMLTableView")
class TableView(Behaviour):
    """A table view over a table node's vtkTable."""

    def _h_build(self) -> None:
        self._h_set("_h_model", QtGui.QStandardItemModel(0, 0, self))
        QtWidgets.QTableView.setModel(self, self._h_model)
        QtWidgets.QTableView.horizontalHeader(self).setStretchLastSection(True)

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_state["scene"] = scene
        self._h_emit("mrmlSceneChanged(vtkMRMLScene*)", scene)

    def _h_do_mrmlScene(self) -> Any:
        return self._h_state.get("scene")

    def _h_do_setMRMLTableNode(self, node: Any) -> None:
        old = self._h_state.get("tag")
        if old is not None:
            old[0].RemoveObserver(old[1])
        self._h_state["node"] = node
        self._h_state["tag"] = None if node is None else (node, node.AddObserver("ModifiedEvent", self._h_modified))
        self._h_show()

    def _h_modified(self, _caller: Any, _event: str) -> None:
        QtCore.QTimer.singleShot(0, self._h_show)

    def _h_do_mrmlTableNode(self) -> Any:
        return self._h_state.get("node")

    def _h_do_tableModel(self) -> Any:
        return to_python(self._h_model)

    def _h_show(self) -> None:
        node = self._h_state.get("node")
        table = node.GetTable() if node is not None else None
        self._h_model.clear()
        if table is None:
            return
        rows, columns = table.GetNumberOfRows(), table.GetNumberOfColumns()
        self._h_model.setRowCount(rows)
        self._h_model.setColumnCount(columns)
        use_header = node.GetUseColumnNameAsColumnHeader() or self._h_get("firstRowLocked")
        if use_header:
            self._h_model.setHorizontalHeaderLabels([table.GetColumnName(column) or "" for column in range(columns)])
        for row in range(rows):
            for column in range(columns):
                item = QtGui.QStandardItem(node.GetCellText(row, column))
                item.setEditable(not node.GetLocked())
                self._h_model.setItem(row, column, item)

    def _h_changed(self, name: str) -> None:
        self._h_show()
