"""FloatRange: an interval as a parameter."""

from __future__ import annotations

from typing import Any

__all__ = ["FloatRange"]


class FloatRange:
    """Two numbers, the first not above the second."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self._on_change: Any = None
        self._minimum = float(minimum)
        self._maximum = float(maximum)
        if self._minimum > self._maximum:
            raise ValueError(f"minimum {minimum} must not exceed maximum {maximum}")

    @property
    def minimum(self) -> float:
        """Lower end."""
        return self._minimum

    @minimum.setter
    def minimum(self, value: float) -> None:
        if value > self._maximum:
            raise ValueError(f"minimum {value} must not exceed maximum {self._maximum}")
        self._minimum = float(value)
        self._changed()

    @property
    def maximum(self) -> float:
        """Upper end."""
        return self._maximum

    @maximum.setter
    def maximum(self, value: float) -> None:
        if value < self._minimum:
            raise ValueError(f"maximum {value} must not be below minimum {self._minimum}")
        self._maximum = float(value)
        self._changed()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FloatRange) and (other.minimum, other.maximum) == (self.minimum, self.maximum)

    def __hash__(self) -> int:
        return hash((self._minimum, self._maximum))

    def __repr__(self) -> str:
        return f"FloatRange({self._minimum}, {self._maximum})"
