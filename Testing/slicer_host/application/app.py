"""``slicer.app``: the real Qt application in the class qSlicerApplication, with the managers that modules ask for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6 import QtCore
from PySide6 import QtWidgets

from ..generated.factory import behaviour
from ..generated.factory import custom_class
from ..generated.widget import Behaviour
from ..pythonqt.conversion import call_native
from ..pythonqt.record import record_error

__all__ = ["Application", "make_application"]


@behaviour("qSlicerApplication")
class Application(Behaviour):
    """What modules reach of the application."""

    _h_defaults = {"majorVersion": 5, "minorVersion": 12, "isInstalled": True, "revision": "stand-in", "os": "linux"}

    def _h_build(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="slicer-host-"))
        self._h_values.update(
            temporaryPath=str(folder / "tmp"), cachePath=str(folder / "cache"), slicerHome=str(folder)
        )
        for name in ("temporaryPath", "cachePath"):
            Path(self._h_values[name]).mkdir()
        self._h_set("_h_managers", {})
        self._h_set("_h_testing", False)
        self._h_set("_h_startup_environment", dict(os.environ))
        self._h_set("_h_exit_code", None)

    def _h_manager(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._h_managers:
            self._h_managers[key] = make()
        return self._h_managers[key]

    def _h_do_processEvents(self) -> None:
        call_native(QtCore.QCoreApplication.processEvents, ())

    def _h_do_mrmlScene(self) -> Any:
        import slicer

        return slicer.mrmlScene

    def _h_do_applicationLogic(self) -> Any:
        return self._h_managers["application logic"]

    def _h_do_layoutManager(self) -> Any:
        return self._h_managers.get("layout manager")

    def _h_do_setLayoutManager(self, manager: Any) -> None:
        self._h_managers["layout manager"] = manager

    def _h_do_coreIOManager(self) -> Any:
        return self._h_manager("io", lambda: custom_class("qSlicerIOManager")())

    _h_do_ioManager = _h_do_coreIOManager

    def _h_do_moduleManager(self) -> Any:
        return self._h_manager("modules", lambda: custom_class("qSlicerModuleManager")())

    def _h_do_commandOptions(self) -> Any:
        return self._h_manager("options", lambda: custom_class("qSlicerCommandOptions")())

    def _h_do_moduleLogic(self, name: str) -> Any:
        return self._h_do_moduleManager().module(name).logic()

    def _h_do_settings(self) -> Any:
        import qt

        return self._h_manager("settings", qt.QSettings)

    _h_do_userSettings = _h_do_settings
    _h_do_revisionUserSettings = _h_do_settings
    _h_do_defaultSettings = _h_do_settings

    def _h_do_testingEnabled(self) -> bool:
        return self._h_testing

    def _h_do_startupEnvironment(self) -> Any:
        import qt

        environment = qt.QProcessEnvironment()
        for name, value in self._h_startup_environment.items():
            environment.insert(name, value)
        return environment

    _h_do_environment = _h_do_startupEnvironment

    def _h_do_setRenderPaused(self, paused: bool) -> None:
        depth = self._h_state.get("paused", 0) + (1 if paused else -1)
        if depth < 0:
            record_error("slicer.app", AssertionError("resumeRender without pauseRender"))
        self._h_state["paused"] = max(depth, 0)
        manager = self._h_do_layoutManager()
        if manager is not None:
            manager.setRenderPaused(bool(depth))

    def _h_do_pauseRender(self) -> None:
        self._h_do_setRenderPaused(True)

    def _h_do_resumeRender(self) -> None:
        self._h_do_setRenderPaused(False)

    def _h_do_openUrl(self, url: str) -> bool:
        self._h_state.setdefault("opened urls", []).append(url)
        return True

    def _h_do_translationFolders(self) -> tuple[str, ...]:
        return ()

    def _h_do_logUsageEvent(self, component: str, event: str) -> None:
        self._h_emit("usageEventLogged(QString,QString)", component, event)


def _exit(code: int = 0) -> None:
    """Keep the code: the process belongs to the tests and goes on."""
    QtWidgets.QApplication.instance()._h_set("_h_exit_code", int(code))


def make_application() -> Any:
    """Make the one application of this process."""
    made_class = custom_class("qSlicerApplication")
    made_class.exit = staticmethod(_exit)
    application = made_class(["slicer-host"])
    QtCore.QCoreApplication.setApplicationName("Slicer")
    QtCore.QCoreApplication.setOrganizationName("slicer.org")
    return application
