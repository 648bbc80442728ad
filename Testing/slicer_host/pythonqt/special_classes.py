"""Classes of the ``qt`` module that need more than the generated form: dialogs, settings, timers, processes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from PySide6 import QtCore
from PySide6 import QtWidgets

from . import dialogs
from .module import host_members
from .module import register_class
from .objects import PythonQtMeta
from .objects import PythonQtObject
from .signals import SlotCall
from .ui_loader import QUiLoader

__all__ = ["register", "set_settings_path", "settings_path"]

_settings_path: Path | None = None


def settings_path() -> Path:
    """Return the file behind ``qt.QSettings()``: a temporary one, never the user's."""
    global _settings_path
    if _settings_path is None:
        _settings_path = Path(tempfile.mkdtemp(prefix="slicer-host-settings-")) / "Slicer.ini"
    return _settings_path


def set_settings_path(path: Path | None) -> None:
    """Choose the settings file (None: a new temporary one)."""
    global _settings_path
    _settings_path = path


def _make(name: str, native: Any, extra: dict[str, Any]) -> Any:
    members = {**host_members(native), **extra, "__module__": "qt", "_h_is_host_class": True}
    made = PythonQtMeta(name, (PythonQtObject, native), members)
    register_class(name, made, native)
    return made


def _settings_init(self: Any, *arguments: Any, **keywords: Any) -> None:
    named_file = bool(arguments) and isinstance(arguments[0], str) and os.sep in arguments[0]
    if not named_file:
        arguments = (str(settings_path()), int(QtCore.QSettings.Format.IniFormat.value))
    PythonQtObject.__init__(self, *arguments, **keywords)


def _single_shot(milliseconds: int, *target: Any) -> None:
    function = target[-1]
    slot = SlotCall(function, "QTimer.singleShot")
    QtCore.QTimer.singleShot(int(milliseconds), lambda: slot())


def _start_detached(*arguments: Any) -> bool:
    result = QtCore.QProcess.startDetached(*arguments)
    return bool(result[0] if isinstance(result, tuple) else result)


def _exec(self: Any, *_arguments: Any) -> int:
    return dialogs.run_dialog(self)


def _file_question(kind: str) -> Any:
    def choose(parent: Any = None, caption: str = "", *_more: Any) -> Any:
        several = kind == "getOpenFileNames"
        chosen = dialogs.ask(f"QFileDialog.{kind}", caption, "", () if several else "")
        return tuple(chosen) if several else chosen

    return staticmethod(choose)


def _message_question(kind: str) -> Any:
    def show(parent: Any = None, title: str = "", text: str = "", *_more: Any) -> int:
        refused = (
            QtWidgets.QMessageBox.StandardButton.No if kind == "question" else QtWidgets.QMessageBox.StandardButton.Ok
        )
        return int(dialogs.ask(f"QMessageBox.{kind}", title, text, refused.value))

    return staticmethod(show)


def _input_question(kind: str) -> Any:
    def show(parent: Any = None, title: str = "", label: str = "", *_more: Any) -> Any:
        return dialogs.ask(f"QInputDialog.{kind}", title, label, "")

    return staticmethod(show)


def register() -> None:
    """Put these classes into the module."""
    _make("QSettings", QtCore.QSettings, {"__init__": _settings_init})
    _make("QTimer", QtCore.QTimer, {"singleShot": staticmethod(_single_shot)})
    _make("QProcess", QtCore.QProcess, {"startDetached": staticmethod(_start_detached)})
    for name in ("QDialog", "QProgressDialog", "QErrorMessage", "QWizard", "QColorDialog", "QFontDialog", "QMenu"):
        _make(name, getattr(QtWidgets, name), {"exec": _exec})
    questions = ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory")
    _make("QFileDialog", QtWidgets.QFileDialog, {"exec": _exec, **{name: _file_question(name) for name in questions}})
    kinds = ("question", "information", "warning", "critical", "about")
    _make("QMessageBox", QtWidgets.QMessageBox, {"exec": _exec, **{name: _message_question(name) for name in kinds}})
    inputs = ("getText", "getInt", "getDouble", "getItem")
    _make("QInputDialog", QtWidgets.QInputDialog, {"exec": _exec, **{name: _input_question(name) for name in inputs}})
    register_class("QUiLoader", QUiLoader)
