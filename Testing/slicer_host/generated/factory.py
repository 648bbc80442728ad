"""Makes the generated classes, and the ``ctk`` module that holds those of CTK."""

from __future__ import annotations

import sys
import types
from typing import Any

from PySide6 import QtCore
from PySide6 import QtGui
from PySide6 import QtWidgets

from ..pythonqt.enums import QtEnum
from ..pythonqt.module import host_members
from ..pythonqt.objects import PythonQtMeta
from ..pythonqt.ui_loader import set_custom_class_finder
from .facts import facts_of
from .widget import Behaviour
from .widget import GeneratedObject

__all__ = ["behaviour", "custom_class", "install_ctk_module", "slicer_class"]

_BEHAVIOURS: dict[str, type[Behaviour]] = {}
_CLASSES: dict[str, Any] = {}


def behaviour(*class_names: str) -> Any:
    """Say which classes a hand-written behaviour belongs to."""

    def register(cls: type[Behaviour]) -> type[Behaviour]:
        for name in class_names:
            _BEHAVIOURS[name] = cls
        return cls

    return register


def _native_base(name: str) -> Any:
    for module in (QtWidgets, QtCore, QtGui):
        if hasattr(module, name):
            return getattr(module, name)
    return QtWidgets.QWidget if name.startswith("QVTK") else QtCore.QObject


class _GenericPaint(Behaviour):
    """Abstract Qt classes need their painting; the generic form shows the button's text."""

    def paintEvent(self, event: Any) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.text = QtWidgets.QAbstractButton.text(self)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option)


def custom_class(name: str) -> Any:
    """Return the generated class of that name; None when the real host has no such class."""
    if name in _CLASSES:
        return _CLASSES[name]
    facts = facts_of(name)
    if facts is None:
        return None
    if "" in facts.too_new:
        return None
    native = _native_base(facts.qt_base)
    own = next((_BEHAVIOURS[base] for base in [name, *facts.chain] if base in _BEHAVIOURS), None)
    mixins = [own] if own is not None else []
    if native is QtWidgets.QAbstractButton and own is None:
        mixins.append(_GenericPaint)
    members = {**host_members(native), "__module__": "ctk" if name.startswith("ctk") else "slicer"}
    for enum_name, values in facts.enums.items():
        kind = type(enum_name, (QtEnum,), {})
        members[enum_name] = kind
        members.update({key: kind(value) for key, value in values})
    members.update(_h_is_host_class=True, _h_facts=facts)
    from ..pythonqt.dialogs import run_dialog

    if issubclass(native, QtWidgets.QDialog):
        members["exec"] = lambda self, *_arguments: run_dialog(self)
    made = PythonQtMeta(name, (*mixins, GeneratedObject, native), members)
    _CLASSES[name] = made
    return made


def slicer_class(name: str) -> Any:
    """Return a generated class for an attribute of the ``slicer`` module (qMRML and qSlicer classes)."""
    return custom_class(name) if name.startswith(("qMRML", "qSlicer")) else None


def _ctk_attribute(name: str) -> Any:
    found = custom_class(name) if name.startswith("ctk") else None
    if found is None:
        raise AttributeError(f"module 'ctk' has no attribute '{name}'")
    return found


def install_ctk_module() -> types.ModuleType:
    """Make ``import ctk`` find the stand-in."""
    if "ctk" in sys.modules:
        return sys.modules["ctk"]
    from . import behaviours  # noqa: F401  (registers the hand-written behaviours)

    set_custom_class_finder(custom_class)
    module = types.ModuleType("ctk", "Stand-in for the ctk module, generated from the API facts.")
    module.__getattr__ = _ctk_attribute  # type: ignore[method-assign]
    sys.modules["ctk"] = module
    return module
