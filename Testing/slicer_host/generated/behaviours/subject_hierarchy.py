"""Widgets over the subject hierarchy: qMRMLSubjectHierarchyComboBox, qMRMLSubjectHierarchyTreeView."""

from __future__ import annotations

from typing import Any

from PySide6 import QtGui
from PySide6 import QtWidgets

from ..factory import behaviour
from ..widget import Behaviour
from .node_selectors import SceneFollower

__all__ = ["SubjectHierarchyComboBox", "SubjectHierarchyTreeView"]


class _HoldsItems(Behaviour):
    """Keeps the scene's subject hierarchy items and the current one."""

    def _h_start(self) -> None:
        self._h_state.update(scene=None, current=0)

        def refresh(*_node: Any) -> None:
            self._h_show()

        self._h_state["follower"] = SceneFollower(self, refresh, refresh, refresh)

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_state["scene"] = scene
        self._h_state["follower"].follow(scene)
        self._h_show()

    def _h_do_mrmlScene(self) -> Any:
        return self._h_state["scene"]

    def _h_do_subjectHierarchyNode(self) -> Any:
        import slicer

        scene = self._h_state["scene"]
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene) if scene is not None else None

    def _h_items(self) -> list[tuple[int, int]]:
        """Return (item, depth) of every listed item, parents first."""
        hierarchy = self._h_do_subjectHierarchyNode()
        if hierarchy is None:
            return []
        found: list[tuple[int, int]] = []
        types = self._h_get("nodeTypes") or ()

        def visit(parent: int, depth: int) -> None:
            ids: list[int] = []
            hierarchy.GetItemChildren(parent, ids, False)
            for item in ids:
                node = hierarchy.GetItemDataNode(item)
                if not types or (node is not None and any(node.IsA(name) for name in types)):
                    found.append((item, depth))
                visit(item, depth + 1)

        visit(hierarchy.GetSceneItemID(), 0)
        return found

    def _h_do_currentItem(self) -> int:
        return int(self._h_state["current"])

    def _h_do_currentNode(self) -> Any:
        hierarchy = self._h_do_subjectHierarchyNode()
        return hierarchy.GetItemDataNode(self._h_state["current"]) if hierarchy and self._h_state["current"] else None

    def _h_do_setCurrentItem(self, item: int) -> None:
        if item != self._h_state["current"]:
            self._h_state["current"] = int(item)
            self._h_show()
            self._h_emit("currentItemChanged(vtkIdType)", int(item))

    def _h_do_setCurrentNode(self, node: Any) -> None:
        hierarchy = self._h_do_subjectHierarchyNode()
        self._h_do_setCurrentItem(hierarchy.GetItemByDataNode(node) if node is not None else 0)

    def _h_show(self) -> None:
        raise TypeError(f"{type(self).__name__} is abstract")

    def _h_changed(self, name: str) -> None:
        self._h_show()


@behaviour("qMRMLSubjectHierarchyComboBox")
class SubjectHierarchyComboBox(_HoldsItems):
    """A combo box of items."""

    _h_defaults = {"noneEnabled": False, "noneDisplay": "None"}

    def _h_build(self) -> None:
        self._h_start()
        self.connect("activated(int)", self._h_activated)

    def _h_activated(self, index: int) -> None:
        self._h_do_setCurrentItem(QtWidgets.QComboBox.itemData(self, index) or 0)

    def _h_show(self) -> None:
        combo = QtWidgets.QComboBox
        combo.blockSignals(self, True)
        combo.clear(self)
        if self._h_get("noneEnabled"):
            combo.addItem(self, self._h_get("noneDisplay"), 0)
        hierarchy = self._h_do_subjectHierarchyNode()
        for item, depth in self._h_items():
            combo.addItem(self, "  " * depth + hierarchy.GetItemName(item), int(item))
        combo.setCurrentIndex(self, combo.findData(self, self._h_state["current"]))
        combo.blockSignals(self, False)

    def _h_do_clearSelection(self) -> None:
        self._h_do_setCurrentItem(0)


@behaviour("qMRMLSubjectHierarchyTreeView")
class SubjectHierarchyTreeView(_HoldsItems):
    """A tree of items."""

    def _h_build(self) -> None:
        self._h_start()
        self._h_set("_h_model", QtGui.QStandardItemModel(0, 1, self))
        QtWidgets.QTreeView.setModel(self, self._h_model)

    def _h_show(self) -> None:
        self._h_model.clear()
        self._h_model.setHorizontalHeaderLabels(["Node"])
        hierarchy = self._h_do_subjectHierarchyNode()
        parents: list[Any] = [self._h_model.invisibleRootItem()]
        for item, depth in self._h_items():
            del parents[depth + 1 :]
            row = QtGui.QStandardItem(hierarchy.GetItemName(item))
            parents[-1].appendRow(row)
            parents.append(row)
        QtWidgets.QTreeView.expandAll(self)

    def _h_do_displayedItemCount(self) -> int:
        return len(self._h_items())
