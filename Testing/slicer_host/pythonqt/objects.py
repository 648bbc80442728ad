"""The base of every QObject class in the ``qt`` module: finds attributes in the order in which PythonQt does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore
from PySide6 import QtWidgets

from .conversion import call_native
from .conversion import to_property
from .conversion import to_python
from .lookup import native_attribute
from .lookup import native_class_of
from .lookup import native_of
from .lookup import table_of
from .signals import connect_signal
from .signals import disconnect_signal
from .signals import native_signal_attribute

__all__ = ["BoundNative", "PythonQtMeta", "PythonQtObject", "inherits"]

_HIDDEN = {"emit", "staticMetaObject"}
_UNKNOWN = object()

loading_ui = [False]
"""True in its only place while PySide's loader runs: it sets each child's name as an attribute of the top widget."""


class PythonQtMeta(type(QtCore.QObject)):  # type: ignore[misc]
    """Wrappers do not follow Qt's inheritance: ``isinstance(qt.QPushButton(), qt.QWidget)`` is False."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if "_h_is_host_class" not in vars(cls):
            return type.__instancecheck__(cls, instance)
        kind = type(instance)
        try:
            host_class = table_of(kind).host_class
            return vars(host_class).get("_h_stands_for", host_class) is cls
        except (StopIteration, AttributeError):
            return False


class BoundNative:
    """A method of a Qt object; converts arguments and results, refuses keywords."""

    def __init__(self, owner: Any, name: str, native: Callable[..., Any]) -> None:
        self.owner = owner
        self.name = name
        self.native = native

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise ValueError(f"{self.name}: slots do not support keyword arguments")
        if self.owner is not None and not shiboken6.isValid(native_of(self.owner)):
            raise ValueError(f"Trying to call '{self.name}' on a destroyed {type(self.owner).__name__} object")
        source = getattr(native_class_of(type(self.owner)), self.name, None) if self.owner is not None else None
        result = call_native(self.native, arguments, source)
        return result if self.name in ("data", "itemData", "userData") else to_python(result)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundNative) and other.owner is self.owner and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self.owner), self.name))

    def __repr__(self) -> str:
        return f"<qt slot {self.name} of {type(self.owner).__name__}>"


class SizeHint:
    """``widget.sizeHint`` as the property that it is for PythonQt: has a QSize's members, can not be called.

    Computed when used: Shiboken asks for the attribute each time that Qt wants a size, and must not run into itself.
    """

    def __init__(self, owner: Any, name: str) -> None:
        self._owner = owner
        self._name = name

    def _h_size(self) -> Any:
        native = native_of(self._owner)
        return to_python(getattr(native_class_of(type(self._owner)), self._name)(native))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._h_size(), name)


class PythonQtObject:
    """Mixin that stands before the native class: ``class QPushButton(PythonQtObject, QtWidgets.QPushButton)``."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        if keywords:
            raise ValueError(f"{type(self).__name__}: constructors do not support keyword arguments")
        call_native(super().__init__, arguments, native_class_of(type(self)).__init__)
        self._h_build()

    def _h_set(self, name: str, value: Any) -> None:
        """Set an attribute of the Python object, past all rules."""
        native_class_of(type(self)).__setattr__(self, name, value)

    def _h_build(self) -> None:
        """Finish a new object; generated widgets make their parts here."""

    @property
    def _h_state(self) -> dict[str, Any]:
        state = self.__dict__.get("_h_state_values")
        if state is None:
            state = {}
            self._h_set("_h_state_values", state)
        return state

    def _h_native_lookup(self) -> Any:
        """Return the object on which Qt's own members are found."""
        return super()

    # Reading -------------------------------------------------------------------------------------------------------

    def __getattribute__(self, name: str) -> Any:
        if name.startswith(("__", "_h_")):
            return super().__getattribute__(name)
        table = table_of(type(self))
        if table.is_python_subclass and (name in table.python_names or name in super().__getattribute__("__dict__")):
            return super().__getattribute__(name)
        if name in table.virtual_names:
            return super().__getattribute__(name)
        if not shiboken6.isValid(native_of(self)):
            raise ValueError(f"Trying to access attribute '{name}' of a destroyed {type(self).__name__} object")
        return self._h_find(name, table)

    def _h_find(self, name: str, table: Any) -> Any:
        own = self._h_find_own(name)
        if own is not _UNKNOWN:
            return own
        if name == "name":
            name = "objectName"
        if name in table.properties and name != "singleShot":
            return self._h_read_property(name)
        if name in ("sizeHint", "minimumSizeHint") and isinstance(native_of(self), QtWidgets.QWidget):
            return SizeHint(self, name)
        special = _SPECIAL_METHODS.get(name)
        if special is not None:
            return special.__get__(self)
        if name.endswith("_") and name[:-1] in vars(table.host_class):
            name = name[:-1]
        found = self._h_find_native(name)
        if found is _UNKNOWN and name.endswith("_"):
            found = self._h_find_native(name[:-1])
        if found is not _UNKNOWN:
            return found
        if name.encode() in [bytes(key.data()) for key in QtCore.QObject.dynamicPropertyNames(native_of(self))]:
            return to_python(QtCore.QObject.property(native_of(self), name))
        for child in QtCore.QObject.children(native_of(self)):
            if QtCore.QObject.objectName(child) == name:
                return to_python(child)
        raise AttributeError(f"{self._h_class_name()} has no attribute named '{name}'")

    def _h_find_own(self, name: str) -> Any:
        """Find a member that the native class lacks (generated widgets override this)."""
        return _UNKNOWN

    def _h_find_native(self, name: str) -> Any:
        if name in _HIDDEN or name in _SPECIAL_METHODS:
            return _UNKNOWN
        static = vars(table_of(type(self)).host_class).get(name, _UNKNOWN)
        if static is not _UNKNOWN:
            return super().__getattribute__(name)
        try:
            native = native_attribute(self, name, self._h_native_lookup())
        except AttributeError:
            return _UNKNOWN
        if isinstance(native, QtCore.SignalInstance):
            return native_signal_attribute(self, name, native)
        if callable(native) and not isinstance(native, type):
            return BoundNative(self, name, native)
        return to_python(native)

    def _h_read_property(self, name: str) -> Any:
        value = QtCore.QObject.property(native_of(self), name)
        return value if name == "currentData" else to_python(value)

    def _h_class_name(self) -> str:
        return table_of(type(self)).host_class.__name__

    # Writing -------------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        native = native_class_of(type(self))
        if name.startswith(("__", "_h_")):
            self._h_set(name, value)
            return
        table = table_of(type(self))
        if table.is_python_subclass and name in table.python_names:
            self._h_set(name, value)
            return
        if (
            not self.__dict__.get("_h_state_values")
            and not shiboken6.isValid(native_of(self))
            and table.is_python_subclass
        ):
            self._h_set(name, value)  # before the base's __init__ has run
            return
        if not shiboken6.isValid(native_of(self)):
            raise ValueError(f"Trying to set attribute '{name}' of a destroyed {type(self).__name__} object")
        if self._h_write_own(name, value):
            return
        if name == "name":
            name = "objectName"
        if name in table.properties:
            self._h_write_property(table.properties[name], value)
            return
        if table.is_python_subclass:
            self._h_set(name, value)
            return
        if name.encode() in [bytes(key.data()) for key in QtCore.QObject.dynamicPropertyNames(native_of(self))]:
            QtCore.QObject.setProperty(native_of(self), name, value)
            return
        if loading_ui[0]:
            return
        if hasattr(native, name) or name in _SPECIAL_METHODS:
            raise AttributeError(f"{self._h_class_name()}.{name} is a slot, signal or enum and can not be overwritten")
        raise AttributeError(
            f"'{name}' does not exist on {self._h_class_name()} and "
            "creating new attributes on C++ objects is not allowed"
        )

    def _h_write_own(self, name: str, value: Any) -> bool:
        """Write a member that the native class lacks (generated widgets override this)."""
        return False

    def _h_write_property(self, info: Any, value: Any) -> None:
        if not info.writable:
            raise AttributeError(f"Property '{info.name}' of {self._h_class_name()} is read-only")
        converted = to_property(info.type_name, info.is_enum, value)
        if not QtCore.QObject.setProperty(native_of(self), info.name, converted):
            raise AttributeError(
                f"Property '{info.name}' of type {info.type_name} does not accept {value!r} ({type(value).__name__})"
            )


# Methods that PythonQt adds to, or changes in, every QObject ---------------------------------------------------------


def _connect(self: Any, signature: str, function: Any = None, *more: Any) -> bool:
    if more or not isinstance(signature, str):
        raise ValueError("connect takes a signal signature and a function")
    own = self._h_connect_own(signature, function) if hasattr(type(self), "_h_connect_own") else None
    return connect_signal(self, signature, function) if own is None else own


def _disconnect(self: Any, signature: str, function: Any = None) -> bool:
    return disconnect_signal(self, signature, function)


def _class_name(self: Any) -> str:
    return self._h_class_name()


def inherits(instance: Any, name: str) -> bool:
    """Tell whether an object is of a class or derives from it, by the C++ names."""
    if isinstance(instance, PythonQtObject) and hasattr(type(instance), "_h_inherits") and instance._h_inherits(name):
        return True
    return QtCore.QObject.inherits(native_of(instance), name)


def _inherits(self: Any, name: str) -> bool:
    return inherits(self, name)


def _delete(self: Any) -> None:
    shiboken6.delete(native_of(self))


def _set_property(self: Any, name: str, value: Any) -> bool:
    if name in table_of(type(self)).properties or self._h_find_own(name) is not _UNKNOWN:
        setattr(self, name, value)
        return True
    QtCore.QObject.setProperty(native_of(self), name, list(value) if isinstance(value, tuple) else value)
    return False


def _property(self: Any, name: str) -> Any:
    own = self._h_find_own(name)
    return to_python(QtCore.QObject.property(native_of(self), name)) if own is _UNKNOWN else own


def _wanted_class(kind: Any) -> str:
    return kind if isinstance(kind, str) else kind.__name__


def _descendants(parent: Any) -> list[Any]:
    found = []
    for child in QtCore.QObject.children(parent):
        found.append(child)
        found.extend(_descendants(child))
    return found


def _find_children(self: Any, kind: Any = "QObject", name: str = "") -> tuple[Any, ...]:
    wanted = _wanted_class(kind)
    return tuple(
        to_python(child)
        for child in _descendants(native_of(self))
        if inherits(child, wanted) and (not name or QtCore.QObject.objectName(child) == name)
    )


def _find_child(self: Any, kind: Any = "QObject", name: str = "") -> Any:
    found = _find_children(self, kind, name)
    return found[0] if found else None


_SPECIAL_METHODS: dict[str, Callable[..., Any]] = {
    "connect": _connect,
    "disconnect": _disconnect,
    "className": _class_name,
    "inherits": _inherits,
    "delete": _delete,
    "setProperty": _set_property,
    "property": _property,
    "findChildren": _find_children,
    "findChild": _find_child,
}
