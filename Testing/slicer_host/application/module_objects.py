"""``slicer.modules``: the modules of Slicer itself by their logics, and scripted modules as Slicer loads them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from ..generated.factory import behaviour
from ..generated.factory import custom_class
from ..generated.widget import Behaviour

__all__ = ["LOADABLE_MODULES", "Modules", "ScriptedModule", "ScriptedModuleWidget", "load_scripted_module"]

# name of the module -> (class of the module object, class of its logic)
LOADABLE_MODULES = {
    "Cameras": ("qSlicerCamerasModule", "vtkSlicerCamerasModuleLogic"),
    "Colors": ("qSlicerColorsModule", "vtkSlicerColorLogic"),
    "CropVolume": ("qSlicerCropVolumeModule", "vtkSlicerCropVolumeLogic"),
    "Markups": ("qSlicerMarkupsModule", "vtkSlicerMarkupsLogic"),
    "Models": ("qSlicerModelsModule", "vtkSlicerModelsLogic"),
    "Plots": ("qSlicerPlotsModule", "vtkSlicerPlotsLogic"),
    "Segmentations": ("qSlicerSegmentationsModule", "vtkSlicerSegmentationsModuleLogic"),
    "SubjectHierarchy": ("qSlicerSubjectHierarchyModule", "vtkSlicerSubjectHierarchyModuleLogic"),
    "Tables": ("qSlicerTablesModule", "vtkSlicerTablesLogic"),
    "Terminologies": ("qSlicerTerminologiesModule", "vtkSlicerTerminologiesModuleLogic"),
    "Texts": ("qSlicerTextsModule", "vtkSlicerTextsLogic"),
    "Transforms": ("qSlicerTransformsModule", "vtkSlicerTransformLogic"),
    "Volumes": ("qSlicerVolumesModule", "vtkSlicerVolumesLogic"),
}


class Modules:
    """``slicer.modules``: attributes by lower-case module name; Python objects may be added."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"slicer.modules has no module '{name}'")


class _ModuleObject(Behaviour):
    def _h_get_name(self) -> str:
        return self._h_state.get("name", "")

    def _h_do_logic(self) -> Any:
        return self._h_state.get("logic")

    def _h_do_mrmlScene(self) -> Any:
        import slicer

        return slicer.mrmlScene


@behaviour(*(classes[0] for classes in LOADABLE_MODULES.values()))
class LoadableModule(_ModuleObject):
    """A module of Slicer itself: only its logic is real."""

    def _h_do_widgetRepresentation(self) -> Any:
        return None


@behaviour("qSlicerScriptedLoadableModule")
class ScriptedModule(_ModuleObject):
    """The object that a scripted module's metadata class gets as ``parent``."""

    def _h_get_path(self) -> str:
        return str(self._h_state.get("path", ""))

    def _h_do_widgetRepresentation(self) -> Any:
        if "widget" not in self._h_state:
            self._h_state["widget"] = self._h_do_createNewWidgetRepresentation()
        return self._h_state["widget"]

    def _h_do_createNewWidgetRepresentation(self) -> Any:
        widget = custom_class("qSlicerScriptedLoadableModuleWidget")()
        widget._h_state["module"] = self
        widget._h_start()
        return widget


@behaviour("qSlicerScriptedLoadableModuleWidget")
class ScriptedModuleWidget(Behaviour):
    """The object that a scripted module's widget class gets as ``parent``."""

    def _h_start(self) -> None:
        import qt
        import slicer

        self.setLayout(qt.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)
        self._h_make_python_widget()

    def _h_make_python_widget(self) -> None:
        module = self._h_state["module"]
        python_class = getattr(sys.modules[module.name], f"{module.name}Widget")
        self._h_state["python"] = python_class(self)
        self._h_state["python"].setup()
        self.layout().addStretch(1)

    def _h_do_setMRMLScene(self, scene: Any) -> None:
        self._h_emit("mrmlSceneChanged(vtkMRMLScene*)", scene)

    def _h_do_self(self) -> Any:
        return self._h_state.get("python")

    def _h_do_module(self) -> Any:
        return self._h_state["module"]

    def _h_get_moduleName(self) -> str:
        return self._h_state["module"].name

    def _h_get_isEntered(self) -> bool:
        return bool(self._h_state.get("entered"))

    def _h_do_enter(self) -> None:
        self._h_state["entered"] = True
        self._h_state["python"].enter()

    def _h_do_exit(self) -> None:
        self._h_state["entered"] = False
        self._h_state["python"].exit()

    def _h_do_reload(self) -> None:
        was_entered = self._h_get_isEntered()
        self._h_make_python_widget()
        if was_entered:
            self._h_state["python"].enter()


def load_scripted_module(path: Path) -> Any:
    """Load a module file the way Slicer does: execute it, make the class named like the file, remember it."""
    import slicer

    name = path.stem
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} can not be loaded")
    python_module = importlib.util.module_from_spec(spec)
    sys.modules[name] = python_module
    spec.loader.exec_module(python_module)
    if not hasattr(python_module, name):
        raise RuntimeError(f"class {name} was not found in file {path}")
    module = custom_class("qSlicerScriptedLoadableModule")()
    module._h_state.update(name=name, path=path)
    setattr(slicer.modules, name.lower(), module)
    instance = getattr(python_module, name)(module)
    setattr(slicer.modules, f"{name}Instance", instance)
    slicer.app.moduleManager()._h_add(name, module)
    return module
