"""Boxes and buttons that choose: ctkCheckableComboBox, ctkComboBox, ctkCheckablePushButton, ctkColorPickerButton ..."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore
from PySide6 import QtGui
from PySide6 import QtWidgets

from ...pythonqt import dialogs
from ...pythonqt.conversion import to_python
from ...pythonqt.lookup import native_of
from ..factory import behaviour
from ..widget import Behaviour

__all__ = ["CheckableComboBox"]

_Combo = QtWidgets.QComboBox
_CHECKED = QtCore.Qt.CheckState.Checked


@behaviour("ctkCheckableComboBox")
class CheckableComboBox(Behaviour):
    """A combo box whose items have check boxes; its text lists the checked ones."""

    def _h_build(self) -> None:
        _Combo.setModel(self, QtGui.QStandardItemModel(0, 1, self))
        model = _Combo.model(self)
        model.rowsInserted.connect(self._h_rows_inserted)
        model.dataChanged.connect(lambda *_: self._h_data_changed())
        self._h_set("_h_last", ())

    def _h_rows_inserted(self, _parent: Any, first: int, last: int) -> None:
        model = _Combo.model(self)
        for row in range(first, last + 1):
            item = model.item(row)
            item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
            if item.data(QtCore.Qt.ItemDataRole.CheckStateRole) is None:
                item.setCheckState(QtCore.Qt.CheckState.Unchecked)

    def _h_data_changed(self) -> None:
        rows = tuple(index.row() for index in self._h_checked())
        if rows != self._h_last:
            self._h_set("_h_last", rows)
            QtWidgets.QWidget.update(self)
            self._h_emit("checkedIndexesChanged()")

    def _h_checked(self) -> list[Any]:
        model = _Combo.model(self)
        return [model.index(row, 0) for row in range(model.rowCount()) if model.item(row).checkState() == _CHECKED]

    def _h_do_checkedIndexes(self) -> tuple[Any, ...]:
        return to_python(self._h_checked())

    def _h_do_allChecked(self) -> bool:
        return len(self._h_checked()) == _Combo.count(self)

    def _h_do_noneChecked(self) -> bool:
        return not self._h_checked()

    def _h_do_checkState(self, index: Any) -> int:
        state = _Combo.model(self).itemFromIndex(native_of(index)).checkState()
        return to_python(state)

    def _h_do_setCheckState(self, index: Any, state: int) -> None:
        _Combo.model(self).itemFromIndex(native_of(index)).setCheckState(QtCore.Qt.CheckState(int(state)))

    def _h_do_checkableModel(self) -> Any:
        return to_python(_Combo.model(self))

    def paintEvent(self, event: Any) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionComboBox()
        _Combo.initStyleOption(self, option)
        painter.drawComplexControl(QtWidgets.QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = ", ".join(str(index.data()) for index in self._h_checked()) or "None"
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_ComboBoxLabel, option)


@behaviour("ctkComboBox")
class ComboBox(Behaviour):
    """A combo box with a default text."""

    def _h_get_currentUserDataAsString(self) -> str:
        value = _Combo.currentData(self)
        return "" if value is None else str(value)

    def _h_set_currentUserDataAsString(self, value: str) -> None:
        _Combo.setCurrentIndex(self, _Combo.findData(self, value))

    def _h_changed(self, name: str) -> None:
        if name == "defaultText":
            _Combo.setPlaceholderText(self, self._h_get(name))


@behaviour("ctkCheckablePushButton")
class CheckablePushButton(Behaviour):
    """A push button with a check box on it."""

    _h_defaults = {"checkBoxControlsButton": True}

    def _h_set_checkState(self, state: int) -> None:
        before = self._h_values.get("checkState", 0)
        self._h_values["checkState"] = int(state)
        if before != int(state):
            self._h_emit("checkStateChanged(Qt::CheckState)", int(state))
            self._h_emit("checkBoxToggled(bool)", bool(state))

    def _h_do_setCheckState(self, state: int) -> None:
        self._h_set_checkState(state)


@behaviour("ctkColorPickerButton")
class ColorPickerButton(Behaviour):
    """A button that shows and asks for a colour."""

    def _h_get_color(self) -> Any:
        return to_python(QtGui.QColor(self._h_values.get("color", QtGui.QColor("black"))))

    def _h_set_color(self, color: Any) -> None:
        native = QtGui.QColor(native_of(color))
        if native == QtGui.QColor(self._h_values.get("color", QtGui.QColor("black"))):
            return
        self._h_values["color"] = native
        pixmap = QtGui.QPixmap(16, 16)
        pixmap.fill(native)
        QtWidgets.QPushButton.setIcon(self, QtGui.QIcon(pixmap))
        QtWidgets.QPushButton.setText(self, native.name())
        self._h_emit("colorChanged(QColor)", to_python(native))
        self._h_emit("colorNameChanged(QString)", native.name())

    def _h_get_colorName(self) -> str:
        return QtGui.QColor(self._h_values.get("color", QtGui.QColor("black"))).name()

    def _h_set_colorName(self, name: str) -> None:
        self._h_set_color(QtGui.QColor(name))

    def _h_do_changeColor(self) -> None:
        chosen = dialogs.ask("ctkColorPickerButton.changeColor", "", "", None)
        if chosen is not None:
            self._h_set_color(chosen)


@behaviour("ctkSearchBox")
class SearchBox(Behaviour):
    """A line edit with a magnifier."""

    def _h_build(self) -> None:
        QtWidgets.QLineEdit.setPlaceholderText(self, "Search...")
        QtWidgets.QLineEdit.setClearButtonEnabled(self, True)


@behaviour("ctkFittedTextBrowser")
class FittedTextBrowser(Behaviour):
    """A text browser as tall as its text."""

    _h_defaults = {"collapsed": True, "showDetailsText": "Show details...", "hideDetailsText": "Hide details."}

    def _h_build(self) -> None:
        QtWidgets.QTextBrowser.setVerticalScrollBarPolicy(self, QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def sizeHint(self) -> QtCore.QSize:
        width = max(QtWidgets.QTextBrowser.width(self), 100)
        document = QtWidgets.QTextBrowser.document(self).clone()
        document.setTextWidth(width - 8)
        return QtCore.QSize(200, int(document.size().height()) + 8)

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(80, min(FittedTextBrowser.sizeHint(self).height(), 120))

    def _h_do_setCollapsibleText(self, text: str) -> None:
        self._h_do_setCollapsibleHtml(text)

    def _h_do_setCollapsiblePlainText(self, text: str) -> None:
        self._h_values["collapsible"] = text
        QtWidgets.QTextBrowser.setPlainText(self, text)

    def _h_do_setCollapsibleHtml(self, text: str) -> None:
        self._h_values["collapsible"] = text
        self._h_changed("collapsed")

    def _h_do_collapsibleText(self) -> str:
        return self._h_values.get("collapsible", "")

    def _h_changed(self, name: str) -> None:
        text = self._h_values.get("collapsible")
        if text is None:
            return
        head, marker, tail = text.partition("<hr/>") if "<hr/>" in text else text.partition("<br>")
        if self._h_get("collapsed"):
            text = f'{head} <a href="#">{self._h_get("showDetailsText")}</a>' if marker else head
        else:
            text = f'{head}{marker}{tail} <a href="#">{self._h_get("hideDetailsText")}</a>'
        QtWidgets.QTextBrowser.setHtml(self, text)
        QtWidgets.QWidget.updateGeometry(self)


@behaviour("ctkMenuButton")
class MenuButton(Behaviour):
    """A push button with a menu."""
