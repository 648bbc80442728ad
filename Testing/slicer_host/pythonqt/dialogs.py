"""Dialogs in tests: each ``exec_()`` is written down and answered by what the test prepared, so that nothing waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6 import QtWidgets

from .conversion import call_native
from .record import record_error

__all__ = ["ShownDialog", "UnansweredDialogError", "answer", "answers", "ask", "run_dialog", "shown"]


class UnansweredDialogError(AssertionError):
    """A dialog came up for which the test had prepared no answer; in Slicer the user would have to click it away."""


@dataclass(frozen=True)
class ShownDialog:
    """What a user would have read."""

    kind: str
    title: str
    text: str
    details: str = ""


shown: list[ShownDialog] = []
"""Every dialog since the last reset, oldest first."""

answers: deque[Any] = deque()
"""Prepared answers, next one first: a button's number, a file name, or a function of the dialog that returns one."""


def answer(value: int | str | Callable[[Any], Any]) -> None:
    """Prepare the answer to the next dialog."""
    answers.append(value)


def ask(kind: str, title: str, text: str, refused: Any, details: str = "", dialog: Any = None) -> Any:
    """Write a dialog down and return the prepared answer, or ``refused`` (and an error on record) without one."""
    shown.append(ShownDialog(kind, title.strip(), text, details))
    if not answers:
        record_error("dialog", UnansweredDialogError(f"{kind} {title.strip()!r}: {text}"))
        return refused
    value = answers.popleft()
    return value(dialog) if callable(value) else value


def _read(dialog: Any, name: str) -> str:
    value = getattr(dialog, name, "")
    return value if isinstance(value, str) else ""


def run_dialog(dialog: Any) -> int:
    """Stand in for ``exec_()`` of any dialog or menu."""
    text = _read(dialog, "text") or _read(dialog, "labelText")
    if not text:
        labels = QtWidgets.QWidget.findChildren(dialog, QtWidgets.QLabel)
        text = "\n".join(QtWidgets.QLabel.text(label) for label in labels)
    informative = _read(dialog, "informativeText")
    QtWidgets.QWidget.show(dialog)
    call_native(QtWidgets.QApplication.processEvents, ())
    is_message_box = QtWidgets.QWidget.inherits(dialog, "QMessageBox")
    refused = QtWidgets.QMessageBox.StandardButton.Cancel.value if is_message_box else 0
    result = ask(
        type(dialog).__name__,
        QtWidgets.QWidget.windowTitle(dialog),
        "\n".join(part for part in (text, informative) if part),
        refused,
        _read(dialog, "detailedText"),
        dialog,
    )
    if result is None:
        result = dialog.result() if hasattr(dialog, "result") else 0
    elif isinstance(dialog, QtWidgets.QDialog) or QtWidgets.QWidget.inherits(dialog, "QDialog"):
        if not is_message_box:
            dialog.done(int(result))
        else:
            dialog.setResult(int(result))
    QtWidgets.QWidget.hide(dialog)
    return int(result)
