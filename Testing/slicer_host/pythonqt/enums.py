"""Qt enums as PythonQt shows them: every value is an ``int``, combining two with ``|`` gives a plain ``int``."""

from __future__ import annotations

import enum
from typing import Any

__all__ = ["QtEnum", "enum_members", "enum_type", "to_enum_value"]


class QtEnum(int):
    """Base of the integer types that stand for Qt's enums."""

    native_type: type[enum.Enum] | None = None

    def native(self) -> enum.Enum | None:
        """Return PySide's own member, or None when this number is no single member."""
        if self.native_type is None:
            return None
        try:
            return self.native_type(int(self))
        except ValueError:
            return None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, enum.Enum) and not isinstance(other, int):
            return int(self) == other.value
        return int.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int.__hash__(self)


_TYPES: dict[type[enum.Enum], type[QtEnum]] = {}


def enum_type(native_type: type[enum.Enum]) -> type[QtEnum]:
    """Return the integer type that stands for one of PySide's enum classes.

    The members are attributes of the class that holds the enum (``qt.Qt.Checked``), not of the enum type.
    """
    found = _TYPES.get(native_type)
    if found is None:
        found = type(native_type.__name__, (QtEnum,), {"native_type": native_type, "__module__": "qt"})
        _TYPES[native_type] = found
    return found


def to_enum_value(value: enum.Enum) -> int:
    """Turn one of PySide's members (or a combination of flags) into its integer."""
    return enum_type(type(value))(value.value)


def enum_members(native_class: Any) -> dict[str, Any]:
    """Return name -> integer for every enum nested in a native class or its bases, and the enum types themselves."""
    found: dict[str, Any] = {}
    for base in reversed(native_class.__mro__):
        for name, member in list(vars(base).items()):
            if isinstance(member, type) and issubclass(member, enum.Enum):
                integers = enum_type(member)
                found[name] = integers
                for member_name, native in member.__members__.items():
                    found[member_name] = integers(native.value)
    return found
