"""Lists and dictionaries that write themselves back into the parameter node when they change."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import MutableMapping
from collections.abc import MutableSequence
from typing import Any

__all__ = ["ObservedDict", "ObservedList", "plain"]


def plain(value: Any) -> Any:
    """Return the ordinary list or dictionary behind an observed one."""
    if isinstance(value, ObservedList):
        return [plain(item) for item in value]
    if isinstance(value, ObservedDict):
        return {key: plain(item) for key, item in value.items()}
    return value


class ObservedList(MutableSequence):
    """A list whose changes reach the parameter node."""

    def __init__(self, values: list[Any], on_change: Callable[[Any], None]) -> None:
        self._values = values
        self._on_change = on_change

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._values[index] = value
        self._on_change(self)

    def __delitem__(self, index: Any) -> None:
        del self._values[index]
        self._on_change(self)

    def __len__(self) -> int:
        return len(self._values)

    def insert(self, index: int, value: Any) -> None:
        self._values.insert(index, value)
        self._on_change(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | tuple | ObservedList) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"ObservedList({self._values!r})"


class ObservedDict(MutableMapping):
    """A dictionary whose changes reach the parameter node."""

    def __init__(self, values: dict[Any, Any], on_change: Callable[[Any], None]) -> None:
        self._values = values
        self._on_change = on_change

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[key] = value
        self._on_change(self)

    def __delitem__(self, key: Any) -> None:
        del self._values[key]
        self._on_change(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"ObservedDict({self._values!r})"
