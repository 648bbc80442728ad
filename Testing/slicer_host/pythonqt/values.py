"""The base of Qt's value classes (QSize, QColor, QTableWidgetItem ...): no properties, only methods."""

from __future__ import annotations

from typing import Any

from .conversion import call_native
from .conversion import to_python
from .lookup import both_static_and_method
from .lookup import native_class_of
from .objects import BoundNative

__all__ = ["PythonQtValue"]


class PythonQtValue:
    """Mixin that stands before the native value class."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        if keywords:
            raise ValueError(f"{type(self).__name__}: constructors do not support keyword arguments")
        call_native(super().__init__, arguments, native_class_of(type(self)).__init__)

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name in both_static_and_method(native_class_of(type(self))):
            native = native_class_of(type(self)).__getattribute__(self, name)
            return BoundNative(self, name, native)
        found = super().__getattribute__(name)
        if name.startswith("_") or isinstance(found, type):
            return found
        owner = next((base for base in type(self).__mro__ if name in vars(base)), None)
        if owner is None or not owner.__module__.startswith("PySide6."):
            return found
        if callable(found):
            return BoundNative(self, name, found)
        return to_python(found)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and "_h_is_host_class" in vars(type(self)):
            raise AttributeError(
                f"'{name}' does not exist on {type(self).__name__} and "
                "creating new attributes on C++ objects is not allowed"
            )
        super().__setattr__(name, value)
