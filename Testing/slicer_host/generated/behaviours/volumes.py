"""qMRMLVolumeThresholdWidget: hides voxels of a volume outside a range, through its display node."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["VolumeThresholdWidget"]


@behaviour("qMRMLVolumeThresholdWidget")
class VolumeThresholdWidget(Behaviour):
    """Off, automatic or manual threshold with a range."""

    _h_defaults = {"autoThreshold": 2}

    def _h_build(self) -> None:
        from ..factory import custom_class

        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_mode", QtWidgets.QComboBox(self))
        self._h_mode.addItems(["Auto", "Manual", "Off"])
        self._h_mode.setCurrentIndex(2)
        self._h_set("_h_range", custom_class("qMRMLRangeWidget")(self))
        layout.addWidget(self._h_mode)
        layout.addWidget(self._h_range, 1)
        self._h_mode.currentIndexChanged.connect(self._h_set_autoThreshold)
        self._h_range.connect("valuesChanged(double,double)", self._h_do_setThreshold)

    def _h_display(self) -> Any:
        node = self._h_state.get("node")
        return node.GetDisplayNode() if node is not None else None

    def _h_do_setMRMLVolumeNode(self, node: Any) -> None:
        self._h_state["node"] = node
        display = self._h_display()
        if display is None:
            return
        low, high = node.GetImageData().GetScalarRange() if node.GetImageData() else (0.0, 1.0)
        self._h_range.setRange(low, high)
        self._h_range.setValues(max(low, display.GetLowerThreshold()), min(high, display.GetUpperThreshold()))
        mode = 2 if not display.GetApplyThreshold() else (0 if display.GetAutoThreshold() else 1)
        self._h_values["autoThreshold"] = mode
        self._h_mode.setCurrentIndex(mode)

    def _h_do_mrmlVolumeNode(self) -> Any:
        return self._h_state.get("node")

    def _h_set_autoThreshold(self, mode: int) -> None:
        if mode == self._h_get("autoThreshold"):
            return
        self._h_values["autoThreshold"] = int(mode)
        self._h_mode.setCurrentIndex(int(mode))
        display = self._h_display()
        if display is not None:
            display.SetApplyThreshold(mode != 2)
            display.SetAutoThreshold(mode == 0)
        self._h_emit("autoThresholdValueChanged(int)", int(mode))

    def _h_do_setThreshold(self, low: float, high: float) -> None:
        display = self._h_display()
        if display is not None and self._h_get("autoThreshold") != 0:
            display.SetThreshold(low, high)
        self._h_range.setValues(low, high)
        self._h_emit("thresholdValuesChanged(double,double)", float(low), float(high))

    def _h_get_lowerThreshold(self) -> float:
        return self._h_range.minimumValue

    def _h_get_upperThreshold(self) -> float:
        return self._h_range.maximumValue

    def _h_set_lowerThreshold(self, value: float) -> None:
        self._h_do_setThreshold(value, self._h_range.maximumValue)

    def _h_set_upperThreshold(self, value: float) -> None:
        self._h_do_setThreshold(self._h_range.minimumValue, value)

    def _h_do_setThresholdBounds(self, low: float, high: float) -> None:
        self._h_range.setRange(low, high)
