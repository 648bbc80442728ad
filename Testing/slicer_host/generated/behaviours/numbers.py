"""Widgets for one number: ctkSliderWidget, ctkDoubleSpinBox, ctkDoubleSlider and their qMRML forms."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore
from PySide6 import QtWidgets

from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["DoubleSlider", "DoubleSpinBox", "SliderWidget"]

_STEPS = 10000


class _HoldsNumber(Behaviour):
    """A bounded number with a native slider and, or, spin box."""

    _h_defaults: dict[str, Any] = {
        "minimum": 0.0,
        "maximum": 99.0,
        "singleStep": 1.0,
        "pageStep": 10.0,
        "decimals": 2,
        "tracking": True,
        "spinBoxVisible": True,
        "orientation": 1,
    }
    _h_slider: QtWidgets.QSlider | None = None
    _h_spin: QtWidgets.QDoubleSpinBox | None = None

    def _h_add_parts(self, slider: bool, spin: bool) -> None:
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        if slider:
            self._h_set("_h_slider", QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self))
            self._h_slider.setRange(0, _STEPS)
            layout.addWidget(self._h_slider, 1)
            self._h_slider.valueChanged.connect(self._h_slider_moved)
        if spin:
            self._h_set("_h_spin", QtWidgets.QDoubleSpinBox(self))
            self._h_spin.setKeyboardTracking(False)
            layout.addWidget(self._h_spin, 0 if slider else 1)
            self._h_spin.valueChanged.connect(self._h_spin_changed)
        QtWidgets.QWidget.setFocusProxy(self, self._h_spin or self._h_slider)
        self._h_show()

    def _h_slider_moved(self, position: int) -> None:
        low, high = self._h_get("minimum"), self._h_get("maximum")
        self._h_set_value(round(low + (high - low) * position / _STEPS, self._h_get("decimals")))

    def _h_spin_changed(self, value: float) -> None:
        self._h_set_value(value)

    def _h_get_value(self) -> float:
        return float(self._h_values.get("value", 0.0))

    def _h_set_value(self, value: float) -> None:
        value = min(max(float(value), self._h_get("minimum")), self._h_get("maximum"))
        if value == self._h_get_value():
            self._h_show()
            return
        self._h_values["value"] = value
        self._h_show()
        self._h_announce(value)

    def _h_announce(self, value: float) -> None:
        self._h_emit("valueChanged(double)", value)

    def _h_changed(self, name: str) -> None:
        if name in ("minimum", "maximum") and self._h_get("minimum") > self._h_get("maximum"):
            other = "maximum" if name == "minimum" else "minimum"
            self._h_values[other] = self._h_values[name]
        self._h_show()
        if name in ("minimum", "maximum"):
            self._h_set_value(self._h_get_value())

    def _h_show(self) -> None:
        low, high, value = self._h_get("minimum"), self._h_get("maximum"), self._h_get_value()
        if self._h_slider is not None:
            self._h_slider.blockSignals(True)
            self._h_slider.setValue(round(_STEPS * (value - low) / (high - low)) if high > low else 0)
            self._h_slider.blockSignals(False)
        if self._h_spin is not None:
            self._h_spin.blockSignals(True)
            self._h_spin.setDecimals(self._h_get("decimals"))
            self._h_spin.setRange(low, high)
            self._h_spin.setSingleStep(self._h_get("singleStep"))
            facts = self._h_facts.properties
            self._h_spin.setPrefix(self._h_get("prefix") if "prefix" in facts else "")
            self._h_spin.setSuffix(self._h_get("suffix") if "suffix" in facts else "")
            self._h_spin.setValue(value)
            if "spinBoxVisible" in facts:
                self._h_spin.setVisible(self._h_get("spinBoxVisible"))
            self._h_spin.blockSignals(False)

    def _h_do_setRange(self, minimum: float, maximum: float) -> None:
        self._h_put("minimum", minimum)
        self._h_put("maximum", maximum)

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_set("_h_scene", scene)

    def _h_do_mrmlScene(self) -> Any:
        return getattr(self, "_h_scene", None)


@behaviour("ctkSliderWidget", "qMRMLSliderWidget")
class SliderWidget(_HoldsNumber):
    """A slider with a spin box."""

    _h_defaults = {**_HoldsNumber._h_defaults, "unitAwareProperties": 63}

    def _h_build(self) -> None:
        self._h_add_parts(slider=True, spin=True)

    def _h_do_reset(self) -> None:
        self._h_set_value(self._h_get("minimum"))


@behaviour("ctkDoubleSpinBox", "qMRMLSpinBox")
class DoubleSpinBox(_HoldsNumber):
    """A spin box."""

    _h_defaults = {**_HoldsNumber._h_defaults, "maximum": 99.99, "frame": True, "alignment": 1}

    def _h_build(self) -> None:
        self._h_add_parts(slider=False, spin=True)
        self._h_spin.editingFinished.connect(lambda: self._h_emit("editingFinished()"))

    def _h_get_cleanText(self) -> str:
        return self._h_spin.cleanText()

    def _h_announce(self, value: float) -> None:
        self._h_emit("valueChanged(double)", value)
        self._h_emit("valueChanged(QString)", self._h_spin.text())

    def _h_do_setValueIfDifferent(self, value: float) -> None:
        self._h_set_value(value)

    def _h_do_setValueAlways(self, value: float) -> None:
        self._h_set_value(value)

    def _h_do_stepUp(self) -> None:
        self._h_set_value(self._h_get_value() + self._h_get("singleStep"))

    def _h_do_stepDown(self) -> None:
        self._h_set_value(self._h_get_value() - self._h_get("singleStep"))


@behaviour("ctkDoubleSlider")
class DoubleSlider(_HoldsNumber):
    """A slider without a spin box."""

    def _h_build(self) -> None:
        self._h_add_parts(slider=True, spin=False)
