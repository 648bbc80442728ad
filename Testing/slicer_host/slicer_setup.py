"""Adds to slicer-core's ``slicer`` package what only the application has."""

from __future__ import annotations

import colorsys
import logging
from pathlib import Path
from typing import Any

__all__ = ["prepare_slicer"]

_SHARE = "share/Slicer-5.12"


def prepare_slicer(app: Any, parts: Path) -> None:
    """Set ``slicer.app``, the scene, the modules' logics and the import path of the stand-in parts."""
    import slicer
    import slicer.util
    import vtk

    from .application import io_manager  # noqa: F401  (registers behaviours)
    from .application import options  # noqa: F401
    from .application.module_objects import LOADABLE_MODULES
    from .application.module_objects import Modules
    from .generated.factory import custom_class
    from .generated.factory import slicer_class

    slicer.__path__.append(str(parts))

    def missing(name: str) -> Any:
        found = slicer_class(name)
        if found is None:
            raise AttributeError(f"module 'slicer' has no attribute '{name}'")
        return found

    slicer.__dict__["__getattr__"] = missing
    slicer.app = app
    slicer.modules = Modules()
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    _add_file_io(scene)
    application_logic = slicer.vtkSlicerApplicationLogic()
    app._h_managers["application logic"] = application_logic
    application_logic.SetMRMLScene(scene)
    application_logic.SetTemporaryPath(app.temporaryPath)
    application_logic.SetHomeDirectory(app.slicerHome)
    application_logic.SetShareDirectory(_SHARE)
    _write_generic_colors(Path(app.slicerHome) / _SHARE / "ColorFiles" / "GenericColors.txt")
    if hasattr(application_logic, "SetMRMLSceneDataIO"):
        application_logic.SetMRMLSceneDataIO(scene, app._h_remote_io, app._h_data_io)
    # The application's shared files (colour tables, terminologies) are not in slicer-core: it would complain.
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    color_logic = slicer.vtkSlicerColorLogic()
    color_logic.SetMRMLApplicationLogic(application_logic)
    color_logic.SetMRMLScene(scene)
    application_logic.SetColorLogic(color_logic)
    for name, (module_class, logic_class) in LOADABLE_MODULES.items():
        logic = color_logic if name == "Colors" else getattr(slicer, logic_class)()
        if name != "Colors":
            logic.SetMRMLApplicationLogic(application_logic)
            logic.SetMRMLScene(scene)
        module = custom_class(module_class)()
        module._h_state.update(name=name, logic=logic)
        setattr(slicer.modules, name.lower(), module)
        app.moduleManager()._h_add(name, module)
        application_logic.SetModuleLogic(name, logic)
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_WARNING)
    logging.getLogger().setLevel(logging.INFO)


def _write_generic_colors(path: Path) -> None:
    """Write the colour table that label maps use by default: clear black, then colours all round the circle."""
    lines = ["# Generic colors of the stand-in host", "0 Background 0 0 0 0"]
    for index in range(1, 256):
        red, green, blue = colorsys.hsv_to_rgb((index * 0.618034) % 1.0, 0.65, 0.9)
        lines.append(f"{index} region_{index} {round(255 * red)} {round(255 * green)} {round(255 * blue)} 255")
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")


def _add_file_io(scene: Any) -> None:
    """Give the scene what reading bundles (.mrb) and remote files needs."""
    import slicer

    app = slicer.app
    remote_io = slicer.vtkMRMLRemoteIOLogic()
    remote_io.SetMRMLScene(scene)
    data_io = slicer.vtkDataIOManagerLogic()
    data_io.SetMRMLApplicationLogic(None)
    app._h_set("_h_remote_io", remote_io)
    app._h_set("_h_data_io", data_io)
