"""qMRMLNodeComboBox and its kin: follow the real scene, with additions, renames, removals and closing."""

from __future__ import annotations

from typing import Any

import shiboken6
from PySide6 import QtCore
from PySide6 import QtWidgets

from ...pythonqt.record import record_error
from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["CheckableNodeComboBox", "NodeComboBox"]

_USER_ROLE = QtCore.Qt.ItemDataRole.UserRole


class SceneFollower:
    """Calls a function of a widget after each change of the scene; ends with the widget."""

    def __init__(self, widget: Any, on_added: Any, on_removed: Any, on_reset: Any) -> None:
        self._widget = widget
        self._functions = {"added": on_added, "removed": on_removed, "reset": on_reset}
        self._scene: Any = None
        self._tags: list[int] = []

    def follow(self, scene: Any) -> None:
        """Follow another scene (or none)."""
        import slicer
        import vtk

        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._tags = []
        self._scene = scene
        if scene is None:
            return

        def calls(kind: str, with_node: bool) -> Any:
            def observe(_caller: Any, _event: str, node: Any = None) -> None:
                if not shiboken6.isValid(self._widget):
                    return
                try:
                    self._functions[kind](*([node] if with_node else []))
                except Exception as error:  # an observer can not raise
                    record_error("scene observer", error)

            if with_node:
                observe.CallDataType = vtk.VTK_OBJECT  # type: ignore[attr-defined]
            return observe

        events = slicer.vtkMRMLScene
        for event, kind, with_node in (
            (events.NodeAddedEvent, "added", True),
            (events.NodeRemovedEvent, "removed", True),
            (events.EndCloseEvent, "reset", False),
            (events.EndBatchProcessEvent, "reset", False),
            (events.EndImportEvent, "reset", False),
            (events.EndRestoreEvent, "reset", False),
        ):
            self._tags.append(scene.AddObserver(event, calls(kind, with_node)))


@behaviour("qMRMLNodeComboBox", "qMRMLColorTableComboBox")
class NodeComboBox(Behaviour):
    """Lists the scene's nodes of some classes."""

    _h_defaults = {
        "noneDisplay": "None",
        "addEnabled": True,
        "removeEnabled": True,
        "editEnabled": False,
        "renameEnabled": False,
        "showChildNodeTypes": True,
        "selectNodeUponCreation": True,
    }

    def _h_build(self) -> None:
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_combo", QtWidgets.QComboBox(self))
        self._h_combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._h_combo.setMinimumContentsLength(8)
        layout.addWidget(self._h_combo)
        QtWidgets.QWidget.setFocusProxy(self, self._h_combo)
        self._h_set("_h_scene", None)
        self._h_set("_h_current", None)
        self._h_set("_h_requested", None)
        self._h_set("_h_nodes", [])
        self._h_set("_h_attributes", [])
        self._h_set("_h_labels", {})
        self._h_set("_h_follower", SceneFollower(self, self._h_node_added, self._h_node_removed, self._h_refresh))
        self._h_combo.activated.connect(self._h_activated)
        if self._h_facts.name == "qMRMLColorTableComboBox":
            self._h_values.update(
                nodeTypes=("vtkMRMLColorNode",), addEnabled=False, removeEnabled=False, showHidden=True
            )
        self._h_refresh()

    # Which nodes are listed ----------------------------------------------------------------------------------------

    def _h_accepts(self, node: Any) -> bool:
        types = self._h_get("nodeTypes") or ("vtkMRMLNode",)
        children = self._h_get("showChildNodeTypes")
        if not any(node.IsA(name) if children else node.GetClassName() == name for name in types):
            return False
        if any(node.IsA(name) for name in self._h_get("hideChildNodeTypes") or () if name not in types):
            return False
        if node.GetHideFromEditors() and not self._h_get("showHidden"):
            return False
        for node_type, name, value in self._h_attributes:
            if node.IsA(node_type):
                found = node.GetAttribute(name)
                if found is None or (value is not None and found != str(value)):
                    return False
        return True

    def _h_listed(self) -> list[Any]:
        if self._h_scene is None:
            return []
        nodes = [self._h_scene.GetNthNode(index) for index in range(self._h_scene.GetNumberOfNodes())]
        return [node for node in nodes if self._h_accepts(node)]

    def _h_refresh(self) -> None:
        if self._h_scene is not None and self._h_scene.IsBatchProcessing():
            return
        self._h_set("_h_nodes", self._h_listed())
        wanted = self._h_requested if self._h_requested is not None else self._h_current
        self._h_set("_h_requested", None)
        current = wanted if wanted in self._h_nodes else None
        if current is None and not self._h_get("noneEnabled") and self._h_nodes:
            current = self._h_nodes[0]
        self._h_show()
        self._h_select(current)

    def _h_show(self) -> None:
        combo = self._h_combo
        combo.blockSignals(True)
        combo.clear()
        if self._h_get("noneEnabled"):
            combo.addItem(self._h_get("noneDisplay"), None)
        elif not self._h_nodes:
            combo.setPlaceholderText("Select a node")
        for node in self._h_nodes:
            combo.addItem(node.GetName() or "", node.GetID())
        extra = [
            name for name, flag in (("Create new...", "addEnabled"), ("Rename", "renameEnabled")) if self._h_get(flag)
        ]
        if self._h_get("editEnabled"):
            extra.append("Edit current...")
        if self._h_get("removeEnabled"):
            extra.append("Delete current...")
        if extra and combo.count():
            combo.insertSeparator(combo.count())
        for text in extra:
            combo.addItem(text, f"action:{text}")
        combo.setCurrentIndex(combo.findData(self._h_current.GetID()) if self._h_current is not None else 0)
        if self._h_current is None and not self._h_get("noneEnabled"):
            combo.setCurrentIndex(-1)
        combo.blockSignals(False)

    def _h_activated(self, index: int) -> None:
        data = self._h_combo.itemData(index)
        if isinstance(data, str) and data.startswith("action:"):
            self._h_show()
            if data.endswith("Create new..."):
                self._h_add_node(None, by_user=True)
            elif data.startswith("action:Delete"):
                self._h_do_removeCurrentNode()
            return
        node = self._h_scene.GetNodeByID(data) if data else None
        self._h_select(node)
        self._h_emit("nodeActivated(vtkMRMLNode*)", node)

    # The current node ----------------------------------------------------------------------------------------------

    def _h_select(self, node: Any) -> None:
        if node is self._h_current:
            return
        old_tag = getattr(self, "_h_name_tag", None)
        if old_tag is not None:
            old_tag[0].RemoveObserver(old_tag[1])
        self._h_set("_h_current", node)
        tag = (node, node.AddObserver("ModifiedEvent", self._h_node_modified)) if node is not None else None
        self._h_set("_h_name_tag", tag)
        self._h_set("_h_name", node.GetName() if node is not None else None)
        self._h_show()
        self._h_emit("currentNodeChanged(vtkMRMLNode*)", node)
        self._h_emit("currentNodeChanged(bool)", node is not None)
        self._h_emit("currentNodeIDChanged(QString)", node.GetID() if node is not None else "")

    def _h_node_modified(self, node: Any, _event: str) -> None:
        if shiboken6.isValid(self) and node.GetName() != self._h_name:
            self._h_set("_h_name", node.GetName())
            self._h_show()
            self._h_emit("currentNodeRenamed(QString)", node.GetName())

    def _h_node_added(self, node: Any) -> None:
        if not self._h_scene.IsBatchProcessing() and self._h_accepts(node):
            self._h_refresh()
            self._h_emit("nodeAdded(vtkMRMLNode*)", node)

    def _h_node_removed(self, node: Any) -> None:
        if node is self._h_current:
            listed = [other for other in self._h_listed() if other is not node]
            self._h_set("_h_nodes", listed)
            self._h_emit("nodeAboutToBeRemoved(vtkMRMLNode*)", node)
            closing = self._h_scene.IsBatchProcessing()
            replacement = listed[0] if listed and not self._h_get("noneEnabled") and not closing else None
            self._h_select(replacement)
        else:
            self._h_refresh()

    # What Python reaches -------------------------------------------------------------------------------------------

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_set("_h_scene", scene)
        self._h_follower.follow(scene)
        self._h_refresh()

    def _h_do_mrmlScene(self) -> Any:
        return self._h_scene

    def _h_do_currentNode(self) -> Any:
        return self._h_current

    def _h_do_setCurrentNode(self, node: Any) -> None:
        if isinstance(node, str):
            node = self._h_scene.GetNodeByID(node) if node and self._h_scene is not None else None
        if node is not None and node not in self._h_nodes:
            if self._h_scene is not None and self._h_scene.IsBatchProcessing():
                self._h_set("_h_requested", node)  # the list is renewed at the end of the batch
                return
            node = None
        if node is None and not self._h_get("noneEnabled") and self._h_nodes:
            return
        self._h_select(node)

    def _h_do_setCurrentNodeID(self, node_id: str) -> None:
        self._h_do_setCurrentNode(node_id)

    def _h_do_setCurrentNodeIndex(self, index: int) -> None:
        self._h_select(self._h_nodes[index])

    def _h_get_currentNodeID(self) -> str:
        return self._h_current.GetID() if self._h_current is not None else ""

    _h_get_currentNodeId = _h_get_currentNodeID

    def _h_set_currentNodeID(self, node_id: str) -> None:
        self._h_do_setCurrentNode(node_id)

    _h_set_currentNodeId = _h_set_currentNodeID

    def _h_do_nodeCount(self) -> int:
        return len(self._h_nodes)

    def _h_do_nodeFromIndex(self, index: int) -> Any:
        return self._h_nodes[index] if 0 <= index < len(self._h_nodes) else None

    def _h_do_addNode(self, node_type: str | None = None) -> Any:
        return self._h_add_node(node_type, by_user=False)

    def _h_add_node(self, node_type: str | None, by_user: bool) -> Any:
        kind = node_type or self._h_get("nodeTypes")[0]
        base = self._h_get("baseName") or self._h_scene.GetTagByClassName(kind) or kind
        node = self._h_scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName(self._h_scene.GenerateUniqueName(base))
        for of_type, name, value in self._h_attributes:
            if node.IsA(of_type) and value is not None:
                node.SetAttribute(name, str(value))
        self._h_scene.AddNode(node)
        if self._h_get("selectNodeUponCreation"):
            self._h_select(node)
        self._h_emit("nodeAddedByUser(vtkMRMLNode*)", node)
        if by_user:
            self._h_emit("nodeAddedByUserAction(vtkMRMLNode*)", node)
        return node

    def _h_do_removeCurrentNode(self) -> None:
        if self._h_current is not None:
            self._h_scene.RemoveNode(self._h_current)

    def _h_do_addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        self._h_attributes.append((node_type, name, value))
        self._h_refresh()

    def _h_do_removeAttribute(self, node_type: str, name: str) -> None:
        self._h_set("_h_attributes", [entry for entry in self._h_attributes if entry[:2] != (node_type, name)])
        self._h_refresh()

    def _h_do_setNodeTypeLabel(self, label: str, node_type: str) -> None:
        self._h_labels[node_type] = label

    def _h_do_nodeTypeLabel(self, node_type: str) -> str:
        return self._h_labels.get(node_type, "")

    def _h_changed(self, name: str) -> None:
        self._h_refresh()


@behaviour("qMRMLCheckableNodeComboBox")
class CheckableNodeComboBox(NodeComboBox):
    """A node selector in which several nodes are checked."""

    _h_defaults = {**NodeComboBox._h_defaults, "noneEnabled": True, "addEnabled": False, "removeEnabled": False}

    def _h_is_checked(self, node: Any) -> bool:
        return node.GetID() in self._h_state.setdefault("checked", set())

    def _h_set_checked(self, node: Any, checked: bool) -> None:
        known = self._h_state.setdefault("checked", set())
        before = node.GetID() in known
        (known.add if checked else known.discard)(node.GetID())
        if before != checked:
            self._h_show()
            self._h_emit("checkedNodesChanged()")

    def _h_show(self) -> None:
        combo = self._h_combo
        combo.blockSignals(True)
        combo.clear()
        names = [node.GetName() for node in self._h_nodes if self._h_is_checked(node)]
        combo.addItem(", ".join(names) or self._h_get("noneDisplay"))
        for node in self._h_nodes:
            combo.addItem(f"{'☑' if self._h_is_checked(node) else '☐'} {node.GetName()}", node.GetID())
        combo.setCurrentIndex(0)
        combo.blockSignals(False)

    def _h_activated(self, index: int) -> None:
        node_id = self._h_combo.itemData(index)
        node = self._h_scene.GetNodeByID(node_id) if node_id else None
        if node is not None:
            self._h_set_checked(node, not self._h_is_checked(node))

    def _h_node_removed(self, node: Any) -> None:
        was_checked = self._h_is_checked(node)
        self._h_state["checked"].discard(node.GetID())
        NodeComboBox._h_node_removed(self, node)
        if was_checked:
            self._h_emit("checkedNodesChanged()")

    def _h_do_checkedNodes(self) -> tuple[Any, ...]:
        return tuple(node for node in self._h_nodes if self._h_is_checked(node))

    def _h_do_uncheckedNodes(self) -> tuple[Any, ...]:
        return tuple(node for node in self._h_nodes if not self._h_is_checked(node))

    def _h_do_allChecked(self) -> bool:
        return not self._h_do_uncheckedNodes()

    def _h_do_noneChecked(self) -> bool:
        return not self._h_do_checkedNodes()

    def _h_do_check(self, node: Any) -> None:
        self._h_set_checked(node, True)

    def _h_do_uncheck(self, node: Any) -> None:
        self._h_set_checked(node, False)

    def _h_do_checkState(self, node: Any) -> int:
        return 2 if self._h_is_checked(node) else 0

    def _h_do_setCheckState(self, node: Any, state: int) -> None:
        self._h_set_checked(node, int(state) == 2)
