"""The main window stand-in: a module panel beside the views. Without it ``slicer.util.mainWindow()`` is None."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore
from PySide6 import QtWidgets

from ..generated.factory import custom_class
from . import layout_manager  # noqa: F401  (registers behaviours)
from . import three_d_view  # noqa: F401

__all__ = ["MainWindow", "set_main_window"]


class MainWindow:
    """A qSlicerMainWindow with the panel in a scroll area on the left and the views on the right."""

    def __init__(self, host: Any) -> None:
        self.window = custom_class("qSlicerMainWindow")()
        self.window.objectName = "qSlicerMainWindow"
        self.window.windowTitle = "Stand-in for 3D Slicer"
        self.window.resize(1366, 768)
        self._scroll = QtWidgets.QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._title = QtWidgets.QLabel()
        self._title.setContentsMargins(10, 4, 10, 4)
        panel = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._title)
        column.addWidget(self._scroll, 1)
        self.views = QtWidgets.QWidget()
        self.views.setObjectName("views")
        self.views.setStyleSheet("#views { background-color: black }")
        splitter = QtWidgets.QSplitter()
        splitter.addWidget(panel)
        splitter.addWidget(self.views)
        splitter.setSizes([440, 926])
        QtWidgets.QMainWindow.setCentralWidget(self.window, splitter)
        status_bar = QtWidgets.QMainWindow.statusBar(self.window)
        status_bar.addPermanentWidget(QtWidgets.QLabel("Stand-in host for tests, not 3D Slicer"))
        self.window.show()
        self.layout_manager = custom_class("qSlicerLayoutManager")()
        self.layout_manager._h_start(self.views)

    def show_panel(self, container: Any) -> None:
        """Show a module's panel in the place of the one before."""
        self._title.setText(f"Module: <b>{container.module().title}</b>")
        self._scroll.takeWidget()
        self._scroll.setWidget(container)
        container.show()

    def scrolled_area(self) -> tuple[int, int]:
        """Return the height of the panel's content and of what is visible of it, in pixels."""
        content = self._scroll.widget()
        wanted = QtWidgets.QWidget.sizeHint(content).height() if content is not None else 0
        return (wanted, self._scroll.viewport().height())

    def close(self) -> None:
        """End the window; the panel survives."""
        self._scroll.takeWidget()
        self.layout_manager._h_close()
        self.window.hide()
        self.window.delete()


def set_main_window(host: Any, wanted: bool) -> None:
    """Add or take away the main window of a running host."""
    if wanted and host.main_window is None:
        host.main_window = MainWindow(host)
        host.app._h_managers["layout manager"] = host.main_window.layout_manager
    elif not wanted and host.main_window is not None:
        host.app._h_managers.pop("layout manager", None)
        host.main_window.close()
        host.main_window = None
