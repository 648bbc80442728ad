"""Loads the .ui files of this library and puts them into a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer

__all__ = ["loadInto", "loadWidget", "showStandardIcon"]


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
