"""Widgets that hold a scene or one node: qMRMLWidget, qMRMLTextWidget and the module widget."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ...pythonqt.conversion import to_python
from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["SceneWidget", "TextWidget"]


@behaviour("qMRMLWidget", "qSlicerWidget")
class SceneWidget(Behaviour):
    """Passes the scene on to its children (through the ``.ui``'s connections)."""

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        if scene is self._h_state.get("scene"):
            return
        self._h_state["scene"] = scene
        self._h_emit("mrmlSceneChanged(vtkMRMLScene*)", scene)

    def _h_do_mrmlScene(self) -> Any:
        return self._h_state.get("scene")


@behaviour("qMRMLTextWidget")
class TextWidget(SceneWidget):
    """Shows a text node."""

    _h_defaults = {"readOnly": False, "wordWrap": True}

    def _h_build(self) -> None:
        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_edit", QtWidgets.QPlainTextEdit(self))
        layout.addWidget(self._h_edit)

    def _h_do_setMRMLTextNode(self, node: Any) -> None:
        self._h_state["node"] = node
        self._h_edit.setPlainText(node.GetText() if node is not None else "")
        self._h_emit("mrmlNodeChanged(vtkMRMLNode*)", node)

    _h_do_setMRMLNode = _h_do_setMRMLTextNode

    def _h_do_mrmlTextNode(self) -> Any:
        return self._h_state.get("node")

    _h_do_mrmlNode = _h_do_mrmlTextNode

    def _h_do_textEditWidget(self) -> Any:
        return to_python(self._h_edit)
