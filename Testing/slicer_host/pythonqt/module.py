"""The flat ``qt`` module: every class of QtCore, QtGui, QtWidgets and QtNetwork, made when first asked for."""

from __future__ import annotations

import enum
import inspect
import sys
import types
from typing import Any

import shiboken6
from PySide6 import QtCore
from PySide6 import QtGui
from PySide6 import QtNetwork
from PySide6 import QtPrintSupport
from PySide6 import QtSvg
from PySide6 import QtTest
from PySide6 import QtUiTools
from PySide6 import QtWidgets
from PySide6 import QtXml

from .conversion import call_native
from .conversion import set_adopter
from .conversion import to_python
from .enums import enum_members
from .lookup import both_static_and_method
from .none_guard import keep_none_alive
from .objects import PythonQtMeta
from .objects import PythonQtObject
from .proxies import set_class_finder
from .proxies import wrap_native
from .values import PythonQtValue

__all__ = ["host_class_for", "install_qt_module", "register_class"]

_NATIVE_MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtSvg, QtPrintSupport, QtUiTools, QtXml, QtTest)
_CLASSES: dict[str, Any] = {}
_OVERRIDES: dict[str, Any] = {}
_BY_NATIVE: dict[type, Any] = {}


def register_class(name: str, made: Any, native: type | None = None) -> None:
    """Put a hand-written class into the module in the place of the generated one."""
    _OVERRIDES[name] = made
    if native is not None:
        _BY_NATIVE[native] = made


def _static_function(native: Any) -> Any:
    def call(*arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise ValueError("slots do not support keyword arguments")
        return to_python(call_native(native, arguments))

    call.__name__ = getattr(native, "__name__", "static")
    return call


def host_members(native: type) -> dict[str, Any]:
    """Return the enums and static functions of a native class, converted."""
    members = {name: value for name, value in enum_members(native).items() if not name.startswith("_")}
    for base in native.__mro__:
        for name, member in list(vars(base).items()):
            if name.startswith("_") or name in members:
                continue
            if isinstance(member, staticmethod) or inspect.isbuiltin(member):
                if name not in both_static_and_method(native):
                    members[name] = staticmethod(_static_function(getattr(native, name)))
            elif isinstance(member, type) and issubclass(member, shiboken6.Shiboken.Object):
                members[name] = member
    return members


def _make_class(name: str, native: Any) -> Any:
    if not (isinstance(native, type) and issubclass(native, shiboken6.Shiboken.Object)):
        if isinstance(native, type) and issubclass(native, enum.Enum):
            return native
        if isinstance(native, type) and name == "Qt":
            return types.SimpleNamespace(**host_members(native))
        if isinstance(native, type):
            return native
        return _static_function(native) if callable(native) else native
    members = {**host_members(native), "__module__": "qt", "_h_is_host_class": True}
    if native is QtCore.Qt:
        return type("Qt", (), members)
    mixin = PythonQtObject if issubclass(native, QtCore.QObject) else PythonQtValue
    metaclass = PythonQtMeta if mixin is PythonQtObject else type(native)
    try:
        return metaclass(name, (mixin, native), members)
    except TypeError:  # a final class
        return native


def qt_attribute(name: str) -> Any:
    """Return one name of the ``qt`` module."""
    if name in _OVERRIDES:
        return _OVERRIDES[name]
    if name in _CLASSES:
        return _CLASSES[name]
    if name == "qApp":
        return to_python(QtWidgets.QApplication.instance())
    for module in _NATIVE_MODULES:
        native = getattr(module, name, None)
        if native is not None and not name.startswith("_"):
            made = _make_class(name, native)
            _CLASSES[name] = made
            if isinstance(native, type):
                _BY_NATIVE.setdefault(native, made)
            return made
    raise AttributeError(f"module 'qt' has no attribute '{name}'")


def host_class_for(native: type) -> Any:
    """Return the stand-in's class for a native class (or for its nearest known base); None when there is none."""
    for base in native.__mro__:
        if base in _BY_NATIVE:
            return _BY_NATIVE[base]
        if base.__module__.startswith("PySide6.") and base.__name__.startswith("Q"):
            try:
                made = qt_attribute(base.__name__)
            except AttributeError:
                continue
            if isinstance(made, type) and issubclass(made, base):
                return _BY_NATIVE.setdefault(base, made)
    return None


def install_qt_module() -> types.ModuleType:
    """Make ``import qt`` find the stand-in."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    keep_none_alive()
    set_adopter(wrap_native)
    set_class_finder(host_class_for)
    module = types.ModuleType("qt", "Stand-in for PythonQt's qt module, over PySide6.")
    module.__getattr__ = qt_attribute  # type: ignore[method-assign]
    module.__path__ = []  # type: ignore[attr-defined]
    sys.modules["qt"] = module
    from . import special_classes

    special_classes.register()
    return module
