"""Widgets for an interval: ctkRangeWidget, ctkDoubleRangeSlider and their qMRML forms."""

from __future__ import annotations

from typing import Any

from PySide6 import QtGui
from PySide6 import QtWidgets

from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["RangeWidget"]


class _Track(QtWidgets.QWidget):
    """Paints the interval between two handles."""

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.fractions = (0.0, 1.0)
        self.setMinimumSize(60, 18)

    def paintEvent(self, event: Any) -> None:
        painter = QtGui.QPainter(self)
        middle = self.height() // 2
        usable = self.width() - 12
        painter.fillRect(6, middle - 2, usable, 4, self.palette().mid())
        low, high = (6 + int(usable * fraction) for fraction in self.fractions)
        painter.fillRect(low, middle - 2, max(high - low, 1), 4, self.palette().highlight())
        painter.setBrush(self.palette().button())
        for position in (low, high):
            painter.drawRoundedRect(position - 5, middle - 8, 10, 16, 3, 3)


@behaviour("ctkRangeWidget", "qMRMLRangeWidget", "ctkDoubleRangeSlider", "qMRMLDoubleRangeSlider")
class RangeWidget(Behaviour):
    """Two values between two bounds."""

    _h_defaults = {
        "minimum": 0.0,
        "maximum": 99.0,
        "minimumValue": 0.0,
        "maximumValue": 99.0,
        "singleStep": 1.0,
        "decimals": 2,
        "tracking": True,
        "orientation": 1,
    }

    def _h_build(self) -> None:
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        spins = "prefix" in self._h_facts.properties
        self._h_set("_h_track", _Track(self))
        self._h_set("_h_low", QtWidgets.QDoubleSpinBox(self) if spins else None)
        self._h_set("_h_high", QtWidgets.QDoubleSpinBox(self) if spins else None)
        for part, stretch in ((self._h_low, 0), (self._h_track, 1), (self._h_high, 0)):
            if part is not None:
                layout.addWidget(part, stretch)
        if spins:
            for spin in (self._h_low, self._h_high):
                spin.setKeyboardTracking(False)
                spin.valueChanged.connect(self._h_spin_changed)
        self._h_show()

    def _h_spin_changed(self, _value: float) -> None:
        self._h_do_setValues(self._h_low.value(), self._h_high.value())

    def _h_do_setValues(self, low: float, high: float) -> None:
        bounds = self._h_get("minimum"), self._h_get("maximum")
        low, high = sorted(min(max(float(value), bounds[0]), bounds[1]) for value in (low, high))
        before = self._h_get("minimumValue"), self._h_get("maximumValue")
        self._h_values["minimumValue"], self._h_values["maximumValue"] = low, high
        self._h_show()
        if low != before[0]:
            self._h_emit("minimumValueChanged(double)", low)
        if high != before[1]:
            self._h_emit("maximumValueChanged(double)", high)
        if (low, high) != before:
            self._h_emit("valuesChanged(double,double)", low, high)

    def _h_set_minimumValue(self, value: float) -> None:
        self._h_do_setValues(value, max(value, self._h_get("maximumValue")))

    def _h_set_maximumValue(self, value: float) -> None:
        self._h_do_setValues(min(value, self._h_get("minimumValue")), value)

    def _h_do_setRange(self, minimum: float, maximum: float) -> None:
        self._h_values["minimum"], self._h_values["maximum"] = float(minimum), float(maximum)
        self._h_emit("rangeChanged(double,double)", float(minimum), float(maximum))
        self._h_do_setValues(self._h_get("minimumValue"), self._h_get("maximumValue"))

    def _h_set_minimum(self, value: float) -> None:
        self._h_do_setRange(value, max(value, self._h_get("maximum")))

    def _h_set_maximum(self, value: float) -> None:
        self._h_do_setRange(min(value, self._h_get("minimum")), value)

    def _h_do_reset(self) -> None:
        self._h_do_setValues(self._h_get("minimum"), self._h_get("maximum"))

    def _h_changed(self, name: str) -> None:
        self._h_show()

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_values["mrmlScene"] = scene

    def _h_show(self) -> None:
        low, high = self._h_get("minimum"), self._h_get("maximum")
        values = self._h_get("minimumValue"), self._h_get("maximumValue")
        span = (high - low) or 1.0
        self._h_track.fractions = tuple((value - low) / span for value in values)
        self._h_track.update()
        for spin, value in zip((self._h_low, self._h_high), values, strict=True):
            if spin is None:
                continue
            spin.blockSignals(True)
            spin.setDecimals(self._h_get("decimals"))
            spin.setRange(low, high)
            spin.setSingleStep(self._h_get("singleStep"))
            spin.setPrefix(self._h_get("prefix"))
            spin.setSuffix(self._h_get("suffix"))
            spin.setValue(value)
            spin.blockSignals(False)
