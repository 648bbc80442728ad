"""Loads the .ui files of this library and puts them into a panel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import qt
import slicer

__all__ = ["loadInto", "loadWidget", "setTabOrder", "showStandardIcon"]


def loadWidget(name: str) -> tuple[Any, Any]:
    """Load ``Resources/UI/<name>.ui`` and return the widget and its named children as attributes of one object."""
    path = Path(__file__).parent.parent / "Resources" / "UI" / f"{name}.ui"
    widget = slicer.util.loadUI(str(path))
    return widget, slicer.util.childWidgetVariables(widget)


def loadInto(frame: Any, name: str) -> tuple[Any, Any]:
    """Load a .ui file as ``loadWidget`` does and add it to the layout of a frame."""
    widget, ui = loadWidget(name)
    frame.layout().addWidget(widget)
    return widget, ui


def showStandardIcon(label: Any, standardPixmap: int | None) -> None:
    """Show one of the style's own icons (warning, information, ...) in a label at the height of text, or none."""
    if standardPixmap is None:
        label.hide()
        return
    icon = qt.QApplication.style().standardIcon(standardPixmap)
    label.setPixmap(icon.pixmap(qt.QSize(16, 16)))
    label.show()


def setTabOrder(widgets: Sequence[Any]) -> None:
    """Let Tab go through these widgets in their order, also through those that only frame what takes the focus."""
    stops = [stop for stop in map(_focusTarget, widgets) if stop is not None]
    for before, after in pairwise(stops):
        qt.QWidget.setTabOrder(before, after)


def _focusTarget(widget: Any) -> Any | None:
    """Return the widget, or the first one inside it, that takes the focus by Tab (node selectors frame a combo box)."""
    if int(widget.focusPolicy) & int(qt.Qt.TabFocus):
        return widget
    inner = (
        child for child in slicer.util.findChildren(widget) if child is not widget and hasattr(child, "focusPolicy")
    )
    return next((child for child in inner if int(child.focusPolicy) & int(qt.Qt.TabFocus)), None)
