"""Widgets for files and folders: ctkPathLineEdit, ctkDirectoryButton."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6 import QtWidgets

from ...pythonqt import dialogs
from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["DirectoryButton", "PathLineEdit"]


@behaviour("ctkPathLineEdit")
class PathLineEdit(Behaviour):
    """An editable combo box with a browse button."""

    _h_defaults = {"showBrowseButton": True, "showHistoryButton": True, "filters": 7 | 0x6000}

    def _h_build(self) -> None:
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_combo", QtWidgets.QComboBox(self))
        self._h_combo.setEditable(True)
        self._h_combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._h_set("_h_button", QtWidgets.QToolButton(self))
        self._h_button.setText("...")
        layout.addWidget(self._h_combo, 1)
        layout.addWidget(self._h_button)
        self._h_combo.editTextChanged.connect(self._h_edited)
        self._h_button.clicked.connect(lambda: self._h_do_browse())

    def _h_edited(self, text: str) -> None:
        before = self._h_values.get("valid", False)
        self._h_values["valid"] = bool(text) and Path(text).exists()
        self._h_emit("currentPathChanged(QString)", text)
        if before != self._h_values["valid"]:
            self._h_emit("validInputChanged(bool)", self._h_values["valid"])

    def _h_get_currentPath(self) -> str:
        return self._h_combo.currentText()

    def _h_set_currentPath(self, path: str) -> None:
        if path != self._h_combo.currentText():
            self._h_combo.setEditText(path)

    def _h_do_browse(self) -> None:
        chosen = dialogs.ask("ctkPathLineEdit.browse", self._h_get("label"), "", "")
        if chosen:
            self._h_set_currentPath(str(chosen))

    def _h_do_addCurrentPathToHistory(self) -> None:
        path = self._h_combo.currentText()
        if path and self._h_combo.findText(path) < 0:
            self._h_combo.addItem(path)

    def _h_do_comboBox(self) -> Any:
        from ...pythonqt.conversion import to_python

        return to_python(self._h_combo)

    def _h_changed(self, name: str) -> None:
        if name == "showBrowseButton":
            self._h_button.setVisible(self._h_get(name))


@behaviour("ctkDirectoryButton")
class DirectoryButton(Behaviour):
    """A button that shows the chosen folder."""

    def _h_build(self) -> None:
        layout = QtWidgets.QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        QtWidgets.QWidget.setLayout(self, layout)
        self._h_set("_h_button", QtWidgets.QPushButton(self))
        layout.addWidget(self._h_button)
        self._h_button.clicked.connect(lambda: self._h_do_browse())
        self._h_values["directory"] = str(Path.cwd())
        self._h_show()

    def _h_show(self) -> None:
        self._h_button.setText(self._h_get("text") or self._h_get("directory"))

    def _h_changed(self, name: str) -> None:
        self._h_show()

    def _h_do_browse(self) -> str:
        chosen = dialogs.ask("ctkDirectoryButton.browse", self._h_get("caption"), "", "")
        if chosen:
            self._h_put("directory", str(chosen))
            self._h_emit("directorySelected(QString)", str(chosen))
        return str(chosen)
