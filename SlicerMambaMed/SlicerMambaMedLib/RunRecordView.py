"""The run record as text, shown on request."""

from __future__ import annotations

from typing import Any

__all__ = ["RunRecordView"]


class RunRecordView:
    """Ties the button and the text field for the record of the shown result.

    Args:
        button: checkable button.
        browser: widget with ``plainText``.
    """

    def __init__(self, button: Any, browser: Any) -> None:
        self._button = button
        self._browser = browser
        self._node: Any = None
        button.connect("toggled(bool)", lambda checked: self._show())

    def setNode(self, node: Any | None) -> None:
        """Show this record from now on; None shows none."""
        self._node = node
        self._button.enabled = node is not None
        if node is None:
            self._button.checked = False
        self._show()

    def _show(self) -> None:
        text = self._node.GetText() if self._button.checked and self._node is not None else ""
        self._browser.plainText = text
        self._browser.visible = bool(text)
