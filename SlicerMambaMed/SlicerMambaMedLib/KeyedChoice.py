"""A combo box whose entries have a key for the settings and words for the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from SlicerMambaMedLib.Signal import Signal

__all__ = ["KeyedChoice"]


class KeyedChoice:
    """Wraps a QComboBox; a key that is not among the entries is listed as it is, so that nothing changes unseen.

    Args:
        comboBox: the QComboBox.
        entries: key, words and explanation of each entry.
    """

    def __init__(self, comboBox: Any, entries: Sequence[tuple[str, str, str]]) -> None:
        self.changed = Signal("key")
        self._comboBox = comboBox
        self.setEntries(entries)
        comboBox.connect("currentIndexChanged(int)", lambda index: self.changed.emit(self.current))

    @property
    def current(self) -> str:
        """Key of the chosen entry."""
        return str(self._comboBox.currentData or "")

    def setEntries(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """List other entries; the choice is kept where it is among them. The signal is not emitted."""
        chosen = self.current
        wasBlocked = self._comboBox.blockSignals(True)
        self._comboBox.clear()
        for key, words, explanation in entries:
            self._comboBox.addItem(words, key)
            self._comboBox.setItemData(self._comboBox.count - 1, explanation, int(qt.Qt.ToolTipRole))
        self._comboBox.blockSignals(wasBlocked)
        if chosen:
            self.setCurrent(chosen)

    def setCurrent(self, key: str) -> None:
        """Choose an entry; the signal is not emitted."""
        if key == self.current:
            return
        wasBlocked = self._comboBox.blockSignals(True)
        index = self._comboBox.findData(key)
        if index < 0:
            self._comboBox.addItem(key, key)
            index = self._comboBox.count - 1
        self._comboBox.setCurrentIndex(index)
        self._comboBox.blockSignals(wasBlocked)
