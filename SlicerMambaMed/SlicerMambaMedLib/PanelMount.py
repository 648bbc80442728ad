"""Puts a panel into a module's widget and tells it of the life of the module and of the scene."""

from __future__ import annotations

import sys
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from SlicerMambaMedLib.Reload import forgetLibrary

__all__ = ["PanelMount"]


class PanelMount(VTKObservationMixin):
    """Loads the module's ``.ui`` file, makes the panel, and gives it the parameter node of the scene that is open.

    Args:
        widget: the module's ``ScriptedLoadableModuleWidget`` with its ``logic``; gets ``ui`` and ``panel``.
        panelClass: makes the panel of the named widgets and the task's logic.
        taskLogic: what does the panel's work.
    """

    def __init__(self, widget: Any, panelClass: Any, taskLogic: Any) -> None:
        super().__init__()
        self._widget = widget
        uiWidget = slicer.util.loadUI(widget.resourcePath(f"UI/{widget.moduleName}.ui"))
        widget.layout.addWidget(uiWidget)
        widget.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        widget.panel = panelClass(widget.ui, taskLogic)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self._onSceneEndClose)
        self.addObserver(scene, scene.StartSaveEvent, self._onSceneStartSave)
        self._showParameterNode()

    def enter(self) -> None:
        """The module is shown."""
        self._showParameterNode()
        self._widget.panel.enter()

    def exit(self) -> None:
        """Another module is shown."""
        self._widget.panel.exit()

    def cleanup(self) -> None:
        """The module is reloaded, or Slicer quits."""
        self.removeObservers()
        if self._widget.panel is not None:
            self._widget.panel.cleanup()
            self._widget.panel = None

    def forgetLibraries(self) -> None:
        """Have the module's library and the shared one read anew by the next import; a running job lives on."""
        forgetLibrary(sys.modules, f"{self._widget.moduleName}Lib")

    def _onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Let go of the scene's nodes before they go away."""
        self._widget.panel.forgetScene()

    def _onSceneEndClose(self, caller: Any, event: Any) -> None:
        """Show the parameter node of the emptied or loaded scene."""
        if self._widget.parent.isEntered:
            self._showParameterNode()

    def _onSceneStartSave(self, caller: Any, event: Any) -> None:
        """Take what is only for looking out of the scene before it is written."""
        self._widget.panel.endTemporary()

    def _showParameterNode(self) -> None:
        self._widget.panel.setParameterNode(self._widget.logic.getParameterNode())
