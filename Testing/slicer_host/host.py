"""Starts the stand-in once per process and loads modules into it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Host", "LoadedModule", "start"]

_PARTS = Path(__file__).parent / "slicer_parts"
_STAND_INS = Path(__file__).parent / "stand_ins"
_host: Host | None = None


class LoadedModule:
    """One scripted module with its panel, as a test uses it."""

    def __init__(self, host: Host, module: Any) -> None:
        self._host = host
        self.module = module
        self.name = module.name

    @property
    def container(self) -> Any:
        """The qSlicerScriptedLoadableModuleWidget that holds the panel."""
        return self.module.widgetRepresentation()

    @property
    def widget(self) -> Any:
        """The module's own widget object (its Python class)."""
        return self.container.self()

    @property
    def ui(self) -> Any:
        """The panel's named widgets (what the module keeps as ``self.ui``)."""
        return self.widget.ui

    @property
    def logic(self) -> Any:
        """The logic that the panel uses."""
        return self.widget.logic

    def enter(self) -> None:
        """Show the module, as selecting it does."""
        self._host.show_panel(self)
        self.container.enter()
        self._host.processEvents()

    def exit(self) -> None:
        """Leave the module, as selecting another one does."""
        self.container.exit()

    def reload(self) -> None:
        """Do what the Reload button of the developer mode does."""
        self.widget.onReload()
        self._host.processEvents()

    def find(self, object_name: str) -> Any:
        """Return the widget of that name in the panel."""
        import slicer

        return slicer.util.findChild(self.container, object_name)

    def click(self, object_name: str) -> None:
        """Click an enabled button; refuse what a user could not click."""
        button = self.find(object_name)
        if not button.enabled:
            raise AssertionError(f"{object_name} is disabled ({button.toolTip})")
        button.click()
        self._host.processEvents()

    def grab(self, path: Path | str, width: int = 500, height: int | None = None) -> Path:
        """Save a picture of the panel at a given width."""
        return self._host.grab(self.container, path, width, height)

    def close(self) -> None:
        """End the module: exit, cleanup, forget."""
        import slicer

        has_panel = "widget" in self.module._h_state
        if has_panel and self.container.isEntered:
            self.container.exit()
        slicer.app.moduleManager()._h_remove(self.name)
        if has_panel:
            self.container.hide()
            self.container.delete()
        self._host.processEvents()


class Host:
    """The running stand-in."""

    def __init__(self) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from .pythonqt.module import install_qt_module
        from .pythonqt.record import record_unraisable_errors

        install_qt_module()
        from .generated.factory import install_ctk_module

        install_ctk_module()
        from .application.app import make_application
        from .slicer_setup import prepare_slicer

        self.app = make_application()
        record_unraisable_errors()
        _silence_offscreen_platform()
        if str(_STAND_INS) not in sys.path:
            sys.path.append(str(_STAND_INS))
        prepare_slicer(self.app, _PARTS)
        self._modules: dict[str, LoadedModule] = {}
        self.main_window: Any = None

    # What happened -------------------------------------------------------------------------------------------------

    @property
    def errors(self) -> list[Any]:
        """Exceptions that slots, timers and observers swallowed since the last reset."""
        from .pythonqt import record

        return record.errors

    @property
    def messages(self) -> list[Any]:
        """Dialogs that came up since the last reset."""
        from .pythonqt import dialogs

        return dialogs.shown

    @property
    def warnings(self) -> list[str]:
        """Lines that PythonQt would have printed (an unknown signal in ``connect``)."""
        from .pythonqt import record

        return record.warnings_printed

    def answer(self, value: Any) -> None:
        """Prepare the answer to the next dialog: a button, a file name, or a function of the dialog."""
        from .pythonqt import dialogs

        dialogs.answer(value)

    def check_no_errors(self) -> None:
        """Raise when a slot raised or a connection failed."""
        problems = [str(error) for error in self.errors] + self.warnings
        if problems:
            raise AssertionError("\n".join(problems))

    def reset(self, testing: bool = False) -> None:
        """Close the modules, clear the scene and forget what happened: before each test."""
        import slicer

        from .pythonqt import dialogs
        from .pythonqt import record
        from .pythonqt import special_classes
        from .pythonqt import ui_loader

        for module in list(self._modules.values()):
            module.close()
        self._modules.clear()
        ui_loader.forget_deleted()
        slicer.mrmlScene.Clear(0)
        if slicer.mrmlScene.GetNodeByID("vtkMRMLColorTableNodeGrey") is None:  # after a Clear(1)
            slicer.modules.colors.logic().AddDefaultColorNodes()
        self.processEvents()
        for collected in (record.errors, record.warnings_printed, dialogs.shown, dialogs.answers):
            collected.clear()
        special_classes.set_settings_path(None)
        self.app._h_managers.pop("settings", None)
        self.app._h_set("_h_testing", testing)
        packaging = sys.modules.get("slicer.packaging")
        if packaging is not None:
            packaging.requests_made.clear()
            packaging.missing_for_tests.clear()
            packaging.installed_by_tests.clear()
        sample_data = sys.modules.get("SampleData")
        if sample_data is not None:
            sample_data.sources.clear()
            sample_data.categories.clear()
        torch_utils = sys.modules.get("PyTorchUtils")
        if torch_utils is not None:
            torch_utils.requests_made.clear()
            torch_utils.set_installed(None)

    # The event loop ------------------------------------------------------------------------------------------------

    def processEvents(self) -> None:
        """Run what is pending."""
        self.app.processEvents()

    def waitUntil(self, predicate: Callable[[], Any], timeout_s: float = 30.0, what: str = "") -> Any:
        """Run the event loop until the predicate is true.

        Raises:
            TimeoutError: it was not true in time; the text tells what the host has seen meanwhile.
        """
        end = time.monotonic() + timeout_s
        while True:
            self.processEvents()
            value = predicate()
            if value:
                return value
            if time.monotonic() > end:
                seen = [str(error) for error in self.errors] + [f"dialog: {shown}" for shown in self.messages]
                raise TimeoutError(f"{what or predicate} was not true within {timeout_s} s. " + "\n".join(seen))
            time.sleep(0.005)

    # Modules -------------------------------------------------------------------------------------------------------

    def load(self, path: Path | str, enter: bool = True, widget: bool = True) -> LoadedModule:
        """Load a module file, build its panel and show it (``widget=False``: only the module, as in a batch run)."""
        import slicer

        from .application.module_objects import load_scripted_module

        module = LoadedModule(self, load_scripted_module(Path(path).resolve()))
        slicer.app._h_emit("startupCompleted()")
        slicer.app.disconnect("startupCompleted()")  # it comes once in the life of the application
        self._modules[module.name] = module
        if widget:
            _ = module.container
            if enter:
                module.enter()
        return module

    def show_panel(self, module: LoadedModule) -> None:
        """Lay the panel out in a window of the size of Slicer's module panel."""
        container = module.container
        if self.main_window is not None:
            self.main_window.show_panel(container)
        else:
            container.resize(500, 700)
            container.show()

    # Pictures ------------------------------------------------------------------------------------------------------

    def grab(self, widget: Any, path: Path | str, width: int = 500, height: int | None = None) -> Path:
        """Save a picture of a widget at a given width; its height follows from the layout."""
        widget.show()
        self.processEvents()
        if height is None:
            layout = widget.layout()
            wanted = layout.totalHeightForWidth(width) if layout is not None and layout.hasHeightForWidth() else -1
            height = wanted if wanted > 0 else (layout.totalSizeHint().height() if layout is not None else 400)
        widget.resize(width, height)
        self.processEvents()
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not widget.grab().save(str(target)):
            raise RuntimeError(f"{target} could not be written")
        return target

    def grab_window(self, path: Path | str) -> Path:
        """Save a picture of the whole main window (1366 x 768) with freshly rendered views."""
        if self.main_window is None:
            raise RuntimeError("the host runs without a main window")
        self.processEvents()
        self.main_window.layout_manager._h_render_all()
        self.processEvents()
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self.main_window.window.grab().save(str(target)):
            raise RuntimeError(f"{target} could not be written")
        return target

    def grab_view(self, name: str, path: Path | str, width: int = 512, height: int = 512) -> Path:
        """Save a freshly rendered view ("Red", "Yellow", "Green" or "3D") at a given size in pixels."""
        if self.main_window is None:
            raise RuntimeError("the host runs without a main window")
        from .application.vtk_view import image_of_window

        view = self.main_window.layout_manager._h_state["views"][name]._h_state["view"]
        before = (view.width, view.height)
        view._h_fit(width, height)
        view.forceRender()
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        image_of_window(view.renderWindow()).save(str(target))
        view._h_fit(*before)
        return target


def _silence_offscreen_platform() -> None:
    from PySide6 import QtCore

    def show(kind: Any, _context: Any, text: str) -> None:
        if "propagateSizeHints" not in text:
            print(f"Qt {kind.name}: {text}", file=sys.stderr)

    QtCore.qInstallMessageHandler(show)


def start(main_window: bool = False) -> Host:
    """Return the host of this process, starting it at the first call.

    Args:
        main_window: whether there is a main window with a layout manager. It can be added to a running host, and
            ``False`` takes it away again.
    """
    global _host
    if _host is None:
        _host = Host()
    from .application.main_window import set_main_window

    set_main_window(_host, main_window)
    return _host
