"""Choice of several names in a drop-down list; all of them unless some are unchecked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from SlicerMambaMedLib.Signal import Signal

__all__ = ["CheckableChoice"]


class CheckableChoice:
    """Wraps a ctkCheckableComboBox. At least one name is always checked: unchecking the last one checks all.

    Args:
        comboBox: the ctkCheckableComboBox.
    """

    def __init__(self, comboBox: Any) -> None:
        self.changed = Signal("names")
        self._comboBox = comboBox
        self._names: list[str] = []
        self._isFilling = False
        comboBox.connect("checkedIndexesChanged()", self._onChanged)

    @property
    def checked(self) -> list[str]:
        """The checked names, in the list's order; empty when all are checked."""
        model = self._comboBox.checkableModel()
        names = [
            name
            for row, name in enumerate(self._names)
            if self._comboBox.checkState(model.index(row, 0)) == qt.Qt.Checked
        ]
        return [] if len(names) == len(self._names) else names

    def setNames(self, names: Sequence[str], checked: Sequence[str] = ()) -> None:
        """List these names and check some of them (all if none is given)."""
        if list(names) != self._names:
            self._isFilling = True
            self._names = list(names)
            self._comboBox.clear()
            for name in self._names:
                self._comboBox.addItem(name)
            self._isFilling = False
            self._comboBox.enabled = len(self._names) > 1
            self.setChecked(checked)
        elif list(checked) != self.checked:
            # The user may just be looking at the open list: it is touched only where something changed.
            self.setChecked(checked)

    def setChecked(self, names: Sequence[str]) -> None:
        """Check these names and no others, or all if none is given; the signal is not emitted."""
        known = [name for name in names if name in self._names] or self._names
        self._isFilling = True
        model = self._comboBox.checkableModel()
        for row, name in enumerate(self._names):
            state = qt.Qt.Checked if name in known else qt.Qt.Unchecked
            self._comboBox.setCheckState(model.index(row, 0), state)
        self._isFilling = False
        self._comboBox.toolTip = self._summary()

    def _onChanged(self) -> None:
        if self._isFilling:
            return
        if self._comboBox.noneChecked():
            self.setChecked([])
        self._comboBox.toolTip = self._summary()
        self.changed.emit(self.checked)

    def _summary(self) -> str:
        checked = self.checked
        return _("Kept: {names}").format(names=", ".join(checked)) if checked else _("All are taken")
