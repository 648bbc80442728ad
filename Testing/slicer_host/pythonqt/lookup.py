"""What a class of the ``qt`` module knows about its native class, gathered once per class."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from PySide6 import QtCore
from shibokensupport.signature import get_signature

__all__ = [
    "ClassTable",
    "PropertyInfo",
    "both_static_and_method",
    "native_attribute",
    "native_class_of",
    "native_of",
    "table_of",
]

# Shiboken looks these up on the wrapper each time Qt asks for a size: answering with the property would recurse.
_NEVER_PROPERTIES = {"sizeHint", "minimumSizeHint"}
# Properties that only Qt 6 has; with Qt 5 the same name is a method.
_QT6_PROPERTIES = {"contentsMargins"}


@dataclass(frozen=True)
class PropertyInfo:
    """One Q_PROPERTY."""

    name: str
    type_name: str
    is_enum: bool
    enum: Any = None
    writable: bool = True


@dataclass
class ClassTable:
    """Properties of a class and which of its names are written in Python."""

    host_class: type
    is_python_subclass: bool
    properties: dict[str, PropertyInfo] = field(default_factory=dict)
    python_names: frozenset[str] = frozenset()
    virtual_names: frozenset[str] = frozenset()


_TABLES: dict[type, ClassTable] = {}


def native_class_of(cls: type) -> type:
    """Return the first PySide class among the bases (or the one that a proxy stands for)."""
    named = getattr(cls, "_h_native_class", None)
    if named is not None:
        return named
    return next(base for base in cls.__mro__ if base.__module__.startswith("PySide6."))


def native_of(instance: Any) -> Any:
    """Return the PySide object: the object itself, or what a proxy stands for."""
    try:
        return instance.__dict__.get("_h_native", instance)
    except AttributeError:
        return instance


@functools.cache
def both_static_and_method(native: type) -> frozenset[str]:
    """Return the names that are a static function and a method at once (QFile.exists, QProcess.startDetached).

    PySide finds the method only through the native class's own attribute lookup.
    """
    found = set()
    for base in native.__mro__:
        for name, member in vars(base).items():
            if isinstance(member, staticmethod) and not name.startswith("_"):
                signatures = get_signature(getattr(native, name))
                if isinstance(signatures, list) and len({"self" in s.parameters for s in signatures}) == 2:
                    found.add(name)
    return frozenset(found)


def native_attribute(instance: Any, name: str, holder: Any) -> Any:
    """Read a native attribute past the stand-in's own lookup."""
    native = native_class_of(type(instance))
    if name in both_static_and_method(native):
        return native.__getattribute__(native_of(instance), name)
    return getattr(holder, name)


def _properties(native: type) -> dict[str, PropertyInfo]:
    found = {}
    meta_object = native.staticMetaObject  # type: ignore[attr-defined]
    for index in range(meta_object.propertyCount()):
        native_property = meta_object.property(index)
        name = native_property.name()
        if name in _NEVER_PROPERTIES or name in _QT6_PROPERTIES:
            continue
        is_enum = native_property.isEnumType() or native_property.isFlagType()
        found[name] = PropertyInfo(name, native_property.typeName(), is_enum, None, native_property.isWritable())
    return found


def table_of(cls: type) -> ClassTable:
    """Return the table of a class, building it at first use."""
    found = _TABLES.get(cls)
    if found is not None:
        return found
    host_class = next(base for base in cls.__mro__ if "_h_is_host_class" in vars(base))
    native = native_class_of(cls)
    python_bases = cls.__mro__[: cls.__mro__.index(host_class)]
    python_names = frozenset(name for base in python_bases for name in vars(base) if not name.startswith("__"))
    behaviours = [base for base in host_class.__mro__[1:] if getattr(base, "_h_is_behaviour", False)]
    virtual_names = frozenset(
        name for base in behaviours for name, member in vars(base).items() if callable(member) and hasattr(native, name)
    )
    properties = _properties(native) if issubclass(native, QtCore.QObject) else {}
    found = ClassTable(host_class, host_class is not cls, properties, python_names, virtual_names)
    _TABLES[cls] = found
    return found
