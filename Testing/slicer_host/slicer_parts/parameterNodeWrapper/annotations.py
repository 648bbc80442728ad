"""What may stand in ``Annotated[type, ...]``: defaults, validators and hints for the widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "IsNone",
    "Maximum",
    "Minimum",
    "NotNone",
    "RangeBounds",
    "SingleStep",
    "Validator",
    "WithinRange",
]

_NOTHING = object()


class Default:
    """The default of a parameter: a value, or a function that makes one."""

    def __init__(self, value: Any = _NOTHING, *, generator: Callable[[], Any] | None = None) -> None:
        if (value is _NOTHING) == (generator is None):
            raise ValueError("Default takes either a value or a generator")
        self._value = value
        self._generator = generator

    @property
    def value(self) -> Any:
        """The default's value."""
        return self._generator() if self._generator is not None else self._value


class Validator:
    """Base of the checks of a value; they raise ValueError."""

    def validate(self, value: Any) -> None:
        """Raise ValueError unless the value is allowed."""


class NotNone(Validator):
    """The value may not be None."""

    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


class IsNone(Validator):
    """The value must be None."""

    def validate(self, value: Any) -> None:
        if value is not None:
            raise ValueError("Value must be None")


class IsInstance(Validator):
    """The value must be an instance of one of the classes."""

    def __init__(self, *classes: type) -> None:
        self.classes = classes

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classes):
            raise ValueError(f"Value must be of type {self.classes}, is type '{type(value)}'")


class WithinRange(Validator):
    """The number lies between two bounds, both included."""

    def __init__(self, minimum: float, maximum: float) -> None:
        if minimum > maximum:
            raise ValueError("minimum must not exceed maximum")
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value is not None and not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


class Minimum(Validator):
    """The number is not below a bound."""

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value is not None and value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


class Maximum(Validator):
    """The number is not above a bound."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value is not None and value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


class Choice(Validator):
    """The value is one of a list."""

    def __init__(self, choices: Any) -> None:
        self.choices = list(choices)

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value must be in the set '{self.choices}', is '{value}'")


class Exclude(Validator):
    """The value is none of a list."""

    def __init__(self, excludedValues: Any) -> None:
        self.excluded = list(excludedValues)

    def validate(self, value: Any) -> None:
        if value in self.excluded:
            raise ValueError(f"Value must not be in the set '{self.excluded}', is '{value}'")


@dataclasses.dataclass(frozen=True)
class RangeBounds:
    """The bounds of the widget for a FloatRange."""

    minimum: float
    maximum: float


@dataclasses.dataclass(frozen=True)
class Decimals:
    """How many decimals the widget shows."""

    value: int


@dataclasses.dataclass(frozen=True)
class SingleStep:
    """How far one step of the widget goes."""

    value: float
