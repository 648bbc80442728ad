"""qMRMLMarkupsROIWidget and qSlicerMarkupsPlaceWidget: hold a markups node."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ..factory import behaviour
from .scene_widgets import SceneWidget

__all__ = ["MarkupsPlaceWidget", "MarkupsROIWidget"]


@behaviour("qMRMLMarkupsROIWidget")
class MarkupsROIWidget(SceneWidget):
    """Shows the bounds of a region of interest."""

    def _h_build(self) -> None:
        layout = QtWidgets.QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_label", QtWidgets.QLabel("", self))
        layout.addWidget(self._h_label)

    def _h_do_setMRMLMarkupsNode(self, node: Any) -> None:
        self._h_state["node"] = node
        self._h_do_updateWidgetFromMRML()

    def _h_do_updateWidgetFromMRML(self) -> None:
        node = self._h_state.get("node")
        if node is None:
            self._h_label.setText("")
            return
        bounds = [0.0] * 6
        node.GetRASBounds(bounds)
        self._h_label.setText("RAS " + ", ".join(f"{value:.1f}" for value in bounds) + " mm")

    def _h_do_setDisplayClippingBox(self, visible: bool) -> None:
        node = self._h_state.get("node")
        if node is not None and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(bool(visible))


@behaviour("qSlicerMarkupsPlaceWidget")
class MarkupsPlaceWidget(SceneWidget):
    """The button with which a user starts placing points."""

    _h_defaults = {"buttonsVisible": True}

    def _h_build(self) -> None:
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_button", QtWidgets.QToolButton(self))
        self._h_button.setText("⊕")
        self._h_button.setCheckable(True)
        layout.addWidget(self._h_button)

    def _h_do_setCurrentNode(self, node: Any) -> None:
        self._h_state["node"] = node

    def _h_do_currentNode(self) -> Any:
        return self._h_state.get("node")

    def _h_do_setPlaceModeEnabled(self, enabled: bool) -> None:
        self._h_button.setChecked(bool(enabled))
