"""Choice of the model, with its summary and its card one click away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from SlicerMambaMedLib.ModelCardView import cardAsHtml
from SlicerMambaMedLib.ModelCardView import cardSummary
from SlicerMambaMedLib.ModelList import ModelEntry
from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.UserInterface import loadInto

__all__ = ["ModelSelector"]


class ModelSelector:
    """Lists the models of one task and shows the card of the chosen one.

    Args:
        frame: widget with a layout that takes the selector.
        models: the list of models.
        chooseFolder: asks the user for a folder and returns its path or an empty text.
        chooseFile: asks the user for a zip file and returns its path or an empty text.
    """

    def __init__(
        self,
        frame: Any,
        models: ModelList,
        chooseFolder: Callable[[], str] | None = None,
        chooseFile: Callable[[], str] | None = None,
    ) -> None:
        self.changed = Signal("key")
        self.failed = Signal("message")
        self.chooseFolder = chooseFolder or self._askForFolder
        self.chooseFile = chooseFile or self._askForFile
        self._models = models
        self._entries: list[ModelEntry] = []
        self.widget, self.ui = loadInto(frame, "MambaMedModelSelector")
        self._menu = qt.QMenu(self.ui.addModelButton)
        for text, function in (
            (_("From a folder..."), self.addFromFolder),
            (_("From a zip file..."), self.addFromFile),
            (_("Remove the shown model from this list"), self.removeCurrent),
        ):
            self._menu.addAction(text).connect("triggered(bool)", lambda checked=False, call=function: call())
        self.ui.addModelButton.setMenu(self._menu)
        self.ui.modelComboBox.connect("currentIndexChanged(int)", self._onChanged)
        self.ui.cardButton.connect("toggled(bool)", self._onCardToggled)
        self.refresh("")

    @property
    def comboBox(self) -> Any:
        """The combo box, for labels and tab order."""
        return self.ui.modelComboBox

    @property
    def current(self) -> ModelEntry | None:
        """The chosen model."""
        index = self.ui.modelComboBox.currentIndex
        return self._entries[index] if 0 <= index < len(self._entries) else None

    @property
    def currentKey(self) -> str:
        """Key of the chosen model; empty when there is none."""
        entry = self.current
        return entry.key if entry else ""

    def refresh(self, key: str) -> None:
        """Read the list of models anew and choose one; an empty key chooses the first. The signal is not emitted."""
        self._entries = self._models.entries()
        if key and all(entry.key != key for entry in self._entries):
            try:
                self._entries.append(self._models.find(key))
            except Exception as error:
                self.failed.emit(str(error))
        combo = self.ui.modelComboBox
        wasBlocked = combo.blockSignals(True)
        combo.clear()
        for entry in self._entries:
            combo.addItem(entry.title, entry.key)
        keys = [entry.key for entry in self._entries]
        combo.setCurrentIndex(keys.index(key) if key in keys else (0 if keys else -1))
        combo.blockSignals(wasBlocked)
        self._showCard()

    def setCurrentKey(self, key: str) -> None:
        """Choose a model; the signal is not emitted."""
        if key != self.currentKey:
            self.refresh(key)

    def addFromFolder(self) -> None:
        """Ask for a model folder and add it."""
        self._add(self.chooseFolder())

    def addFromFile(self) -> None:
        """Ask for a zip file with a model and add it."""
        self._add(self.chooseFile())

    def removeCurrent(self) -> None:
        """Take a model that the user added off the list; its files stay."""
        entry = self.current
        if entry is not None and not entry.isBundled:
            self._models.remove(entry.key)
            self.refresh("")
            self.changed.emit(self.currentKey)

    def _add(self, path: str) -> None:
        if not path:
            return
        try:
            entry = self._models.add(path)
        except Exception as error:
            self.failed.emit(_("This model was not added: {reason}").format(reason=error))
            return
        self.refresh(entry.key)
        self.changed.emit(self.currentKey)

    def _onChanged(self, index: int) -> None:
        self._showCard()
        self.changed.emit(self.currentKey)

    def _showCard(self) -> None:
        entry = self.current
        self.ui.modelSummaryLabel.text = cardSummary(entry) if entry else _("No model was found: add one.")
        self.ui.modelComboBox.toolTip = entry.title if entry else ""
        self.ui.cardBrowser.html = cardAsHtml(entry) if entry else ""
        self.ui.cardButton.enabled = entry is not None

    def _onCardToggled(self, checked: bool) -> None:
        self.ui.cardBrowser.visible = checked

    def _askForFolder(self) -> str:
        return str(qt.QFileDialog.getExistingDirectory(self.widget, _("Choose a model folder")) or "")

    def _askForFile(self) -> str:
        chosen = qt.QFileDialog.getOpenFileName(self.widget, _("Choose a model as a zip file"), "", "Zip (*.zip)")
        return str((chosen[0] if isinstance(chosen, (tuple, list)) else chosen) or "")
