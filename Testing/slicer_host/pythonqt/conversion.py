"""Values on their way between Python and Qt, with PythonQt's rules (truncation, tuples for lists, int for enums)."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy
import shiboken6
from shibokensupport.signature import get_signature

from .enums import QtEnum
from .enums import to_enum_value
from .lookup import native_of
from .record import record_error

__all__ = ["call_native", "set_adopter", "to_property", "to_python"]

_adopt: Callable[[Any], Any] = lambda native: native  # noqa: E731  (replaced by set_adopter at start)
_NUMBERS = (bool, int, float, numpy.bool_, numpy.integer, numpy.floating)


def set_adopter(adopt: Callable[[Any], Any]) -> None:
    """Name the function that gives an object made by Qt itself the stand-in's class."""
    global _adopt
    _adopt = adopt


def to_python(value: Any) -> Any:
    """Convert what Qt returned: lists become tuples, enums integers, Qt objects get the stand-in's class."""
    if isinstance(value, enum.Enum):
        return to_enum_value(value)
    if isinstance(value, list | tuple):
        return tuple(to_python(item) for item in value)
    if isinstance(value, shiboken6.Shiboken.Object):
        return _adopt(value)
    return value


def _plain(value: Any) -> Any:
    """Give PySide what it accepts anyway: its own enum members and Python's numbers."""
    if isinstance(value, QtEnum):
        native = value.native()
        return int(value) if native is None else native
    if isinstance(value, numpy.generic):
        return value.item()
    if type(value) in (list, tuple):
        return [_plain(item) for item in value]
    if hasattr(type(value), "_h_size") and not isinstance(value, shiboken6.Shiboken.Object):
        return value._h_size()
    return native_of(value)


class _NoConversionError(Exception):
    pass


def _to_annotation(value: Any, annotation: Any) -> Any:
    """Convert one argument to the type that a native signature names; raise _NoConversionError when it can not be."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        for option in typing.get_args(annotation):
            try:
                return _to_annotation(value, option)
            except _NoConversionError:
                continue
        raise _NoConversionError
    if annotation in (typing.Any, object, inspect.Parameter.empty):
        return value
    if isinstance(annotation, type):
        if issubclass(annotation, enum.Enum):
            if isinstance(value, annotation):
                return value
            if isinstance(value, int | numpy.integer) and not isinstance(value, bool):
                try:
                    return annotation(int(value))
                except ValueError:
                    raise _NoConversionError from None
            raise _NoConversionError
        if annotation in (int, float, bool):
            if isinstance(value, _NUMBERS):
                return annotation(value)
            if isinstance(value, enum.Enum) and annotation is int:
                return int(value.value)
            raise _NoConversionError
        if isinstance(value, annotation):
            return value
        if annotation.__name__ == "QByteArray" and isinstance(value, str):
            return value.encode()
        if annotation.__name__ == "QByteArray" and isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        if value is None and issubclass(annotation, shiboken6.Shiboken.Object):
            return value
        raise _NoConversionError
    return value


def _signatures(native: Any) -> list[inspect.Signature]:
    try:
        found = get_signature(native)
    except Exception:  # some native functions have none
        return []
    if found is None:
        return []
    return list(found) if isinstance(found, list) else [found]


def _converted_arguments(signature: inspect.Signature, arguments: tuple[Any, ...]) -> list[Any] | None:
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) or len(arguments) > len(parameters):
        return None
    required = [p for p in parameters if p.default is inspect.Parameter.empty]
    if len(arguments) < len(required):
        return None
    converted = []
    for value, parameter in zip(arguments, parameters, strict=False):
        try:
            converted.append(_to_annotation(value, parameter.annotation))
        except _NoConversionError:
            return None
    return converted


def _comes_from_python(error: BaseException) -> bool:
    """Tell whether an exception left a Python function that Qt had called (its traceback goes on below this file)."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace is not None


def call_native(native: Any, arguments: tuple[Any, ...], signature_source: Any = None) -> Any:
    """Call a native Qt function with PythonQt's conversions.

    Raises:
        ValueError: no overload takes these arguments (PythonQt's own error for that).
    """
    plain = tuple(_plain(value) for value in arguments)
    try:
        return native(*plain)
    except Exception as error:
        if _comes_from_python(error):  # PySide hands it to the caller, PythonQt prints it
            record_error("virtual function", error)
            return None
        if isinstance(error, RuntimeError) and "already deleted" in str(error):
            raise ValueError(f"Trying to use a destroyed object: {error}") from None
        if not isinstance(error, TypeError):
            raise
        refused = error
    if not any(value is None for value in arguments):
        for signature in _signatures(signature_source or native):
            converted = _converted_arguments(signature, arguments)
            if converted is None:
                converted = _converted_arguments(signature, plain)
            if converted is not None:
                try:
                    return native(*converted)
                except TypeError:
                    continue
    raise ValueError(f"Called with wrong arguments: {refused}")


def to_property(type_name: str, is_enum: bool, value: Any) -> Any:
    """Convert a value for a Q_PROPERTY of the given C++ type.

    Raises:
        AttributeError: the value can not become that type (PythonQt's own error for a property).
    """
    refuse = AttributeError(f"Property of type {type_name} can not be set to {value!r} of type {type(value).__name__}")
    if is_enum:
        if isinstance(value, enum.Enum):
            return value.value
        if isinstance(value, int | numpy.integer) and not isinstance(value, bool):
            return int(value)
        raise refuse
    if type_name == "bool":
        if isinstance(value, _NUMBERS):
            return bool(value)
        raise refuse
    if type_name in ("int", "uint", "qlonglong", "qulonglong", "unsigned int", "short", "long"):
        if isinstance(value, _NUMBERS):
            return int(value)
        raise refuse
    if type_name in ("double", "float", "qreal"):
        if isinstance(value, _NUMBERS):
            return float(value)
        raise refuse
    if type_name == "QString":
        if isinstance(value, str):
            return value
        if isinstance(value, _NUMBERS):
            return str(value)
        raise refuse
    if type_name == "QStringList":
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return list(value)
        raise refuse
    if isinstance(value, QtEnum):
        return int(value)
    if isinstance(value, numpy.generic):
        return value.item()
    return value
