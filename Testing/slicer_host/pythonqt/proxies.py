"""Objects that Qt itself made (a dialog's buttons, a returned size) in the clothes of the stand-in's classes.

Such an object already has a PySide wrapper whose class can not be changed safely, so a proxy forwards to it. Copyable
values are simply copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from .conversion import to_python
from .lookup import native_of
from .objects import BoundNative
from .objects import PythonQtObject

__all__ = ["set_class_finder", "wrap_native"]

_host_class_for: Callable[[type], Any] = lambda native: None  # noqa: E731  (replaced at start)
_PROXY_CLASSES: dict[type, type] = {}


def set_class_finder(finder: Callable[[type], Any]) -> None:
    """Name the function that returns the stand-in's class for a native one."""
    global _host_class_for
    _host_class_for = finder


class ObjectProxy(PythonQtObject):
    """Forwards to a QObject that Qt made; its classes are derived per host class."""

    def __init__(self, native: Any) -> None:
        object.__setattr__(self, "_h_native", native)

    def _h_set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _h_native_lookup(self) -> Any:
        return self._h_native

    def __eq__(self, other: object) -> bool:
        return native_of(other) is self._h_native

    def __hash__(self) -> int:
        return hash(id(self._h_native))


class ValueProxy:
    """Forwards to a value or item that Qt made and that can not be copied."""

    def __init__(self, native: Any) -> None:
        object.__setattr__(self, "_h_native", native)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._h_native, name)
        if callable(found) and not isinstance(found, type):
            return BoundNative(self, name, found)
        return to_python(found)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"'{name}' does not exist and creating new attributes on C++ objects is not allowed")

    def __eq__(self, other: object) -> bool:
        return native_of(other) is self._h_native

    def __hash__(self) -> int:
        return hash(id(self._h_native))


def _proxy_class(kind: type, host_class: type) -> type:
    found = _PROXY_CLASSES.get(kind)
    if found is None:
        is_object = issubclass(kind, QtCore.QObject)
        members = {name: member for name, member in vars(host_class).items() if not name.startswith("__")}
        members.update(
            _h_is_host_class=True,
            _h_stands_for=host_class,
            _h_native_class=kind,
            __module__="qt",
        )
        found = type(host_class.__name__, (ObjectProxy if is_object else ValueProxy,), members)
        _PROXY_CLASSES[kind] = found
    return found


def wrap_native(native: Any) -> Any:
    """Return what module code gets to see of an object that PySide returned."""
    kind = type(native)
    if not kind.__module__.startswith("PySide6."):
        return native
    known = native.__dict__.get("_h_proxy") if hasattr(native, "__dict__") else None
    if known is not None:
        return known
    host_class = _host_class_for(kind)
    if host_class is None or host_class is kind:
        return native
    if not isinstance(native, QtCore.QObject) and not shiboken6.Shiboken.createdByPython(native):
        try:
            return host_class(native)
        except (ValueError, TypeError):
            pass
    proxy = _proxy_class(kind, host_class)(native)
    with contextlib.suppress(AttributeError):
        native._h_proxy = proxy
    return proxy
