"""Signals as PythonQt shows them: string signatures, functions with fewer arguments, swallowed exceptions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

from .conversion import to_python
from .lookup import native_of
from .record import record_error
from .record import warn

__all__ = [
    "SignalAttribute",
    "SlotCall",
    "connect_signal",
    "disconnect_signal",
    "native_signal_attribute",
    "normalized",
]


def normalized(signature: str) -> str:
    """Return a signal signature in Qt's canonical form (no argument names, no const references, no spaces)."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()


def _accepted_count(function: Any) -> int | None:
    """How many arguments a Python function takes; None: all, or unknown (PythonQt then passes them all)."""
    offset = 0
    if inspect.ismethod(function):
        offset = 1
        function = function.__func__
    if not inspect.isfunction(function):
        return None
    if function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - offset


class SlotCall:
    """Calls one Python function for a signal; prints, keeps and swallows what it raises."""

    def __init__(self, function: Any, where: str) -> None:
        self.function = function
        self.where = where

    def __call__(self, *arguments: Any) -> None:
        values = [to_python(value) for value in arguments]
        try:
            count = _accepted_count(self.function)
            self.function(*(values if count is None else values[:count]))
        except Exception as error:
            record_error(self.where, error)


def _connections(sender: Any) -> dict[str, list[tuple[Any, Any]]]:
    """Signal signature -> [(function, what ends the connection)] of one object."""
    return sender._h_state.setdefault("connections", {})


def connect_signal(sender: Any, signature: str, function: Any) -> bool:
    """Connect a native Qt signal by its string signature."""
    signature = normalized(signature)
    meta_object = QtCore.QObject.metaObject(native_of(sender))
    if meta_object.indexOfSignal(signature) < 0:
        warn(f"PythonQt: signal {signature} does not exist on {meta_object.className()}")
        return False
    slot = SlotCall(function, f"{meta_object.className()}.{signature}")

    def deliver(*arguments: Any) -> None:
        slot(*arguments)

    connection = QtCore.QObject.connect(native_of(sender), QtCore.SIGNAL(signature), deliver)
    _connections(sender).setdefault(signature, []).append((function, connection))
    return True


def disconnect_signal(sender: Any, signature: str, function: Any = None) -> bool:
    """End connections of one signal: those of one function, or all; False when there was none."""
    signature = normalized(signature)
    known = _connections(sender).get(signature, [])
    ended = [entry for entry in known if function is None or entry[0] == function]
    for entry in ended:
        known.remove(entry)
        if isinstance(entry[1], QtCore.QMetaObject.Connection):
            QtCore.QObject.disconnect(entry[1])
    return bool(ended)


class SignalAttribute:
    """What ``widget.clicked`` is: has connect and disconnect, and emits when called."""

    def __init__(self, sender: Any, name: str, signatures: list[str], emit: Callable[..., Any]) -> None:
        self._sender = sender
        self._name = name
        self._signatures = signatures
        self._emit = emit

    def connect(self, function: Any) -> bool:
        """Connect to the first (fullest) form of the signal."""
        return self._sender.connect(self._signatures[0], function)

    def disconnect(self, function: Any = None) -> bool:
        """Disconnect one function, or all of them."""
        results = [
            self._sender.disconnect(signature, function) if function is not None else self._sender.disconnect(signature)
            for signature in self._signatures
        ]
        return any(results)

    def __call__(self, *arguments: Any) -> None:
        self._emit(*arguments)


def native_signal_attribute(sender: Any, name: str, native: Any) -> SignalAttribute:
    """Describe one of Qt's own signals."""
    meta_object = QtCore.QObject.metaObject(native_of(sender))
    signatures = []
    for index in range(meta_object.methodCount()):
        method = meta_object.method(index)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal and method.name() == name.encode():
            signatures.append(bytes(method.methodSignature().data()).decode())

    def emit(*arguments: Any) -> None:
        if not shiboken6.isValid(native_of(sender)):
            raise ValueError("Trying to emit a signal of a destroyed object")
        native.emit(*arguments)

    return SignalAttribute(sender, name, signatures, emit)
