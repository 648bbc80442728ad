"""Choice of the grade that is explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slicer.i18n import tr as _
from SlicerMambaMedLib.Signal import Signal

__all__ = ["ExplainedClassChoice"]


class ExplainedClassChoice:
    """Wraps a QComboBox that lists the grades of a model, the most probable one (an empty name) first.

    Args:
        comboBox: the QComboBox.
    """

    def __init__(self, comboBox: Any) -> None:
        self.changed = Signal("name")
        self._comboBox = comboBox
        self._names: tuple[str, ...] = ()
        self._fill()
        comboBox.connect("currentIndexChanged(int)", lambda index: self.changed.emit(self.current))

    @property
    def current(self) -> str:
        """Name of the chosen grade; empty for the most probable one."""
        return str(self._comboBox.currentData or "")

    def setNames(self, names: Sequence[str], chosen: str) -> None:
        """List these grades and choose one; the signal is not emitted."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._fill()
        if chosen != self.current:
            wasBlocked = self._comboBox.blockSignals(True)
            index = self._comboBox.findData(chosen)
            if index < 0:
                self._comboBox.addItem(_("{name} (not of this model)").format(name=chosen), chosen)
                index = self._comboBox.count - 1
            self._comboBox.setCurrentIndex(index)
            self._comboBox.blockSignals(wasBlocked)

    def _fill(self) -> None:
        wasBlocked = self._comboBox.blockSignals(True)
        self._comboBox.clear()
        self._comboBox.addItem(_("most probable"), "")
        for name in self._names:
            self._comboBox.addItem(name, name)
        self._comboBox.blockSignals(wasBlocked)
