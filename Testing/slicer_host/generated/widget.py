"""The base of the generated ctk, qMRML and qSlicer classes: only what the facts name can be read, set, called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore

from ..pythonqt.conversion import to_property
from ..pythonqt.lookup import native_of
from ..pythonqt.objects import _UNKNOWN
from ..pythonqt.objects import PythonQtObject
from ..pythonqt.signals import SignalAttribute
from ..pythonqt.signals import SlotCall
from ..pythonqt.signals import normalized
from .facts import ClassFacts
from .facts import all_facts

__all__ = ["Behaviour", "GeneratedObject", "NotModelledError", "TooNewError"]

_DEFAULTS: dict[str, Any] = {"bool": False, "int": 0, "double": 0.0, "float": 0.0, "QString": "", "QStringList": ()}


class NotModelledError(RuntimeError):
    """The real class has this member, the stand-in does not imitate it."""


class TooNewError(AttributeError):
    """The member exists, but not in the oldest Slicer that the extension supports."""


class Behaviour:
    """Base of hand-written behaviours: ``_h_build``, ``_h_get_x``, ``_h_set_x``, ``_h_do_x``, virtuals."""

    _h_is_behaviour = True
    _h_defaults: dict[str, Any] = {}


class OwnMethod:
    """A method of a generated class."""

    def __init__(self, owner: Any, name: str, function: Callable[..., Any]) -> None:
        self.owner = owner
        self.name = name
        self.function = function

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise ValueError(f"{self.name}: slots do not support keyword arguments")
        signatures = self.owner._h_facts.methods[self.name]
        counts = {_argument_count(signature) for signature in signatures}
        if not any(len(arguments) <= count for count in counts):
            raise ValueError(f"Called {self.owner._h_facts.name}.{signatures} with {len(arguments)} arguments")
        result = self.function(*arguments)
        return tuple(result) if isinstance(result, list) else result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnMethod) and other.owner is self.owner and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self.owner), self.name))


def _argument_count(signature: str) -> int:
    inside = signature.partition("(")[2].rpartition(")")[0]
    depth = 0
    count = 1 if inside else 0
    for character in inside:
        depth += {"<": 1, ">": -1}.get(character, 0)
        count += character == "," and depth == 0
    return count


class GeneratedObject(PythonQtObject):
    """Mixin of every generated class."""

    _h_facts: ClassFacts
    _h_defaults: dict[str, Any] = {}

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        text = arguments[0] if arguments and isinstance(arguments[0], str) else None
        self._h_set("_h_values", {})
        super().__init__(*(arguments[1:] if text is not None else arguments), **keywords)
        if text is not None:
            setattr(self, "title" if self._h_facts.qt_base == "QGroupBox" else "text", text)

    @classmethod
    def _h_has_qt_property(cls, name: str) -> bool:
        from ..pythonqt.lookup import table_of

        return name in table_of(cls).properties or name == "geometry"

    def _h_check_age(self, name: str) -> None:
        if name in self._h_facts.too_new:
            oldest = all_facts()["oldest_supported"]
            raise TooNewError(f"{self._h_facts.name}.{name} does not exist in Slicer {oldest}, which is supported")

    # Values --------------------------------------------------------------------------------------------------------

    def _h_get(self, name: str) -> Any:
        """Read an own property."""
        getter = getattr(self, f"_h_get_{name}", None)
        if getter is not None:
            return getter()
        if name in self._h_values:
            return self._h_values[name]
        if name in self._h_defaults:
            return self._h_defaults[name]
        info = self._h_facts.properties[name]
        return 0 if info.is_enum else _DEFAULTS.get(info.type_name)

    def _h_put(self, name: str, value: Any) -> None:
        """Write an own property (already known to exist)."""
        info = self._h_facts.properties[name]
        if not info.writable:
            raise AttributeError(f"Property '{name}' of {self._h_facts.name} is read-only")
        value = to_property(info.type_name, info.is_enum, value)
        if info.type_name == "QStringList":
            value = tuple(value)
        setter = getattr(self, f"_h_set_{name}", None)
        if setter is not None:
            setter(value)
            return
        before = self._h_get(name)
        self._h_values[name] = value
        self._h_changed(name)
        if info.notify and before != value:
            self._h_notify(info.notify, value)

    def _h_changed(self, name: str) -> None:
        """React to a stored property (behaviours override this)."""

    def _h_notify(self, signal: str, value: Any) -> None:
        for signature in self._h_facts.signals.get(signal, []):
            self._h_emit(signature, *([value] if not signature.endswith("()") else []))

    # Signals -------------------------------------------------------------------------------------------------------

    def _h_connect_own(self, signature: str, function: Any) -> bool | None:
        signature = normalized(signature)
        if signature not in self._h_facts.signal_signatures:
            return None
        self._h_check_age(signature.partition("(")[0])
        slot = SlotCall(function, f"{self._h_facts.name}.{signature}")
        self._h_state.setdefault("connections", {}).setdefault(signature, []).append((function, slot))
        return True

    def _h_emit(self, signature: str, *arguments: Any) -> None:
        """Deliver an own signal to everything connected to exactly this signature."""
        if signature not in self._h_facts.signal_signatures:
            raise AssertionError(f"{self._h_facts.name} has no signal {signature}")
        if QtCore.QObject.signalsBlocked(native_of(self)):
            return
        for _function, slot in list(self._h_state.get("connections", {}).get(signature, [])):
            slot(*arguments)

    # Lookup --------------------------------------------------------------------------------------------------------

    def _h_find_own(self, name: str) -> Any:
        facts = self._h_facts
        if name in facts.properties:
            self._h_check_age(name)
            return self._h_get(name)
        if name in facts.methods:
            self._h_check_age(name)
            return OwnMethod(self, name, self._h_method(name))
        if name in facts.signals:
            self._h_check_age(name)
            signatures = facts.signals[name]

            def emit(*arguments: Any) -> None:
                matching = [s for s in signatures if _argument_count(s) == len(arguments)]
                if not matching:
                    raise ValueError(f"no signal {name} with {len(arguments)} arguments")
                self._h_emit(matching[0], *arguments)

            return SignalAttribute(self, name, signatures, emit)
        return _UNKNOWN

    def _h_method(self, name: str) -> Callable[..., Any]:
        function = getattr(self, f"_h_do_{name}", None)
        if function is not None:
            return function
        facts = self._h_facts
        if name.startswith("set") and len(name) > 3:
            written = name[3].lower() + name[4:]
            for candidate in (written, name[3:]):
                if candidate in facts.properties:
                    return lambda value: self._h_set_or_value_error(candidate, value)
        if name in facts.properties:
            return lambda: self._h_get(name)

        def refuse(*_arguments: Any) -> Any:
            raise NotModelledError(f"the stand-in host does not imitate {facts.name}.{name}()")

        return refuse

    def _h_set_or_value_error(self, name: str, value: Any) -> None:
        try:
            self._h_put(name, value)
        except AttributeError as error:
            raise ValueError(f"Called with wrong arguments: {error}") from None

    def _h_write_own(self, name: str, value: Any) -> bool:
        if name in self._h_facts.properties:
            self._h_check_age(name)
            self._h_put(name, value)
            return True
        if name in self._h_facts.methods or name in self._h_facts.signals:
            raise AttributeError(f"{self._h_facts.name}.{name} is a slot or signal and can not be overwritten")
        return False

    def _h_inherits(self, name: str) -> bool:
        return name == self._h_facts.name or name in self._h_facts.chain
