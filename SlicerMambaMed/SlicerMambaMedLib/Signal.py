"""An observable event in plain Python."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["Signal"]


class Signal:
    """Calls every connected function when it is emitted.

    Qt signals defined in Python are not used: they need a QObject subclass per emitter and an emitter that outlives its
    receivers, which a reloaded module cannot promise, and logic should be usable without Qt.

    A function that raises is logged and does not keep the others from being called.

    Example:
        >>> changed = Signal("name")
        >>> changed.connect(print)
        >>> changed.emit("liver")
        liver
    """

    def __init__(self, *argumentNames: str) -> None:
        self.argumentNames = argumentNames
        self._slots: list[Callable[..., Any]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        """Call ``slot`` at every emission from now on; connecting it twice changes nothing."""
        if slot not in self._slots:
            self._slots.append(slot)

    def disconnect(self, slot: Callable[..., Any]) -> None:
        """Stop calling ``slot``; nothing happens when it was not connected."""
        if slot in self._slots:
            self._slots.remove(slot)

    def disconnectAll(self) -> None:
        """Stop calling every slot."""
        self._slots.clear()

    def emit(self, *arguments: Any) -> None:
        """Call the slots in the order in which they were connected."""
        if len(arguments) != len(self.argumentNames):
            raise TypeError(f"This signal carries {self.argumentNames}, but {len(arguments)} values were given.")
        for slot in list(self._slots):
            try:
                slot(*arguments)
            except Exception:
                logging.getLogger("mambamed").exception("A listener of a MambaMed signal failed")
