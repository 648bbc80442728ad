"""Loads ``.ui`` files: Qt's own loader for Qt's widgets, by hand what concerns ctk, qMRML and qSlicer classes.

Qt's loader only knows meta-objects. The custom classes' properties and all connections (many carry VTK pointers) are
taken out of the file first, then applied in Python, where an unknown one raises.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import shiboken6
from PySide6 import QtCore
from PySide6 import QtUiTools
from PySide6 import QtWidgets

from .objects import loading_ui

__all__ = ["QUiLoader", "UiFileError", "forget_deleted", "set_custom_class_finder"]

_find_custom_class: Any = lambda name: None  # noqa: E731  (replaced when the generated widgets exist)
_kept: list[Any] = []


def forget_deleted() -> None:
    """Let go of widgets that no longer exist in Qt."""
    _kept[:] = [made for made in _kept if shiboken6.isValid(made) and not isinstance(made, QtUiTools.QUiLoader)]


class UiFileError(Exception):
    """A ``.ui`` file uses something the real classes lack."""


def set_custom_class_finder(finder: Any) -> None:
    """Name the function that returns the class of a ctk or qMRML widget by its name."""
    global _find_custom_class
    _find_custom_class = finder


class _NativeLoader(QtUiTools.QUiLoader):
    """Makes every widget, layout and action of the stand-in's own classes."""

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        import qt

        made_class = _find_custom_class(class_name)
        if made_class is None:
            if class_name == "Line":
                made = qt.QFrame(parent)
                made.setFrameShadow(qt.QFrame.Sunken)
            else:
                made = getattr(qt, class_name)(parent)
        else:
            made = made_class(parent)
        QtCore.QObject.setObjectName(made, name)
        _kept.append(made)
        # Qt's loader fills a container page by page; PySide needs a reference until it is in place.
        return made

    def createLayout(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        import qt

        made = getattr(qt, class_name)()
        QtCore.QObject.setObjectName(made, name)
        if isinstance(parent, QtWidgets.QWidget) and QtWidgets.QWidget.layout(parent) is None:
            QtWidgets.QWidget.setLayout(parent, made)
        _kept.append(made)
        return made

    def createAction(self, parent: Any = None, name: str = "") -> Any:
        import qt

        made = qt.QAction(parent)
        QtCore.QObject.setObjectName(made, name)
        _kept.append(made)
        return made


def _value_of(element: ElementTree.Element) -> Any:
    """Return the Python value of a ``<property>`` of a custom class."""
    child = element[0]
    text = child.text or ""
    if child.tag == "bool":
        return text == "true"
    if child.tag in ("number", "uInt", "longLong"):
        return int(text)
    if child.tag in ("double", "float"):
        return float(text)
    if child.tag == "stringlist":
        return [item.text or "" for item in child.findall("string")]
    if child.tag in ("enum", "set"):
        return _enum_value(text)
    return text


def _enum_value(text: str) -> Any:
    """Return the number of ``Qt::Horizontal`` or ``ctkPathLineEdit::Files|ctkPathLineEdit::Readable``."""
    import qt

    total = 0
    for part in text.split("|"):
        scope, _, member = part.rpartition("::")
        holder = _find_custom_class(scope) or getattr(qt, scope or "Qt")
        if not hasattr(holder, member):
            raise UiFileError(f"enum value {part!r} does not exist")
        total |= int(getattr(holder, member))
    return total


class QUiLoader:
    """``qt.QUiLoader``: ``load(file)`` returns the top widget."""

    def load(self, file: Any, parent: Any = None) -> Any:
        """Build the widgets of an open ``qt.QFile`` (or a file name)."""
        if isinstance(file, str):
            with open(file, "rb") as stream:
                content = stream.read()
        else:
            content = bytes(QtCore.QIODevice.readAll(file).data())
        root = ElementTree.fromstring(content)
        custom_properties = self._take_custom_properties(root)
        connections = self._take_connections(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        native = _NativeLoader()
        _kept.append(native)
        loading_ui[0] = True
        try:
            top = native.load(buffer, parent)
        finally:
            loading_ui[0] = False
        if top is None:
            raise UiFileError(f"the .ui file could not be read: {native.errorString()}")
        by_name = {
            QtCore.QObject.objectName(child): child for child in QtCore.QObject.findChildren(top, QtCore.QObject)
        }
        by_name[QtCore.QObject.objectName(top)] = top
        for widget_name, property_name, value in custom_properties:
            setattr(by_name[widget_name], property_name, value)
        for sender, signal, receiver, slot in connections:
            self._connect(by_name, sender, signal, receiver, slot)
        return top

    @staticmethod
    def _take_custom_properties(root: ElementTree.Element) -> list[tuple[str, str, Any]]:
        taken = []
        for widget in root.iter("widget"):
            class_name = widget.get("class", "")
            custom = _find_custom_class(class_name)
            if custom is None:
                continue
            for element in list(widget.findall("property")):
                name = element.get("name", "")
                if name in custom._h_facts.properties:
                    widget.remove(element)
                    taken.append((widget.get("name", ""), name, _value_of(element)))
                elif element.get("stdset") != "0" and not custom._h_has_qt_property(name):
                    raise UiFileError(f"{class_name} {widget.get('name')!r} has no property {name!r}")
        return taken

    @staticmethod
    def _take_connections(root: ElementTree.Element) -> list[tuple[str, str, str, str]]:
        found = []
        for block in list(root.findall("connections")):
            for item in block.findall("connection"):
                found.append(tuple(item.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot")))
            root.remove(block)
        return found  # type: ignore[return-value]

    @staticmethod
    def _connect(by_name: dict[str, Any], sender: str, signal: str, receiver: str, slot: str) -> None:
        for name in (sender, receiver):
            if name not in by_name:
                raise UiFileError(f"connection of an unknown widget {name!r}")
        slot_name = slot.partition("(")[0]
        function = getattr(by_name[receiver], slot_name, None)
        if not callable(function):
            raise UiFileError(f"{by_name[receiver].className()} {receiver!r} has no slot {slot}")
        wants_argument = not slot.endswith("()")

        def deliver(*arguments: Any) -> None:
            function(*(arguments if wants_argument else ()))

        if not by_name[sender].connect(signal, deliver):
            raise UiFileError(f"{by_name[sender].className()} {sender!r} has no signal {signal}")
