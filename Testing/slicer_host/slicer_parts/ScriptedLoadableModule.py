"""Stand-in for ``slicer.ScriptedLoadableModule``: the four base classes, from their documented behaviour."""

from __future__ import annotations

import logging
import sys
import unittest
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]


def _module_path(instance: Any) -> Path:
    return Path(sys.modules[type(instance).__module__].__file__ or "")


class ScriptedLoadableModule:
    """Metadata of a module; ``parent`` is the qSlicerScriptedLoadableModule."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories = []
        parent.dependencies = []
        parent.contributors = []
        parent.helpText = ""
        parent.acknowledgementText = ""
        parent.hidden = False
        for ending in ("svg", "png"):
            icon = _module_path(self).parent / "Resources" / "Icons" / f"{self.moduleName}.{ending}"
            if icon.exists():
                parent.icon = qt.QIcon(str(icon))
                break

    def resourcePath(self, filename: str) -> str:
        """Return the path of a file under the module's Resources."""
        return str(_module_path(self).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        """Return the help link of a module of Slicer's own."""
        return f'<p>For more information see the <a href="#">{docPage or self.moduleName}</a> documentation.</p>'

    def runTest(self, msec: int = 100, **kwargs: Any) -> None:
        """Run the module's own test class."""
        test_class = getattr(sys.modules[type(self).__module__], f"{self.moduleName}Test")
        test = test_class()
        test.messageDelay = msec
        test.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    """The panel; ``parent`` is the qSlicerScriptedLoadableModuleWidget, ``layout`` its layout."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = slicer.util.settingsValue("Developer/DeveloperMode", False, converter=slicer.util.toBool)
        if parent is None:
            parent = slicer.qMRMLWidget()
            parent.setLayout(qt.QVBoxLayout())
            parent.setMRMLScene(slicer.mrmlScene)
        self.parent = parent
        self.layout = parent.layout()
        setattr(slicer.modules, f"{self.moduleName}Widget", self)
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def _onModuleAboutToBeUnloaded(self, moduleName: str) -> None:
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, filename: str) -> str:
        """Return the path of a file under the module's Resources."""
        return str(_module_path(self).parent / "Resources" / filename)

    def setup(self) -> None:
        """Add the reload and test section in developer mode."""
        if not self.developerMode:
            return
        section = ctk.ctkCollapsibleButton("Reload && Test")
        section.collapsed = True
        row = qt.QHBoxLayout(section)
        reload = qt.QPushButton("Reload")
        reload.name = "ScriptedModuleReload"
        reload.connect("clicked()", self.onReload)
        row.addWidget(reload)
        self.layout.addWidget(section)
        self.reloadCollapsibleButton = section
        self.reloadButton = reload

    def enter(self) -> None:
        """Called each time the module is shown."""

    def exit(self) -> None:
        """Called each time the module is left."""

    def cleanup(self) -> None:
        """Called when the widget ends."""

    def setEditedNode(self, node: Any, role: str = "", context: str = "") -> bool:
        """Refuse to edit a node."""
        return False

    def nodeEditable(self, node: Any) -> float:
        """Return the confidence with which the module edits a node."""
        return 0.0

    def onReload(self) -> Any:
        """Reload the module's own file and rebuild the panel."""
        logging.debug("ScriptedLoadableModule reload")
        return slicer.util.reloadScriptedModule(self.moduleName)


class ScriptedLoadableModuleLogic:
    """The part without a GUI."""

    def __init__(self, parent: Any = None) -> None:
        self.mrmlScene = slicer.mrmlScene
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True
        if parent is not None:
            self.moduleName = parent.moduleName if hasattr(parent, "moduleName") else self.moduleName

    def getParameterNode(self) -> Any:
        """Return the module's parameter node, making it when there is none."""
        if self.isSingletonParameterNode:
            found = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if found is not None:
                return found
        else:
            nodes = self.getAllParameterNodes()
            if nodes:
                return nodes[0]
        return self.createParameterNode()

    def getAllParameterNodes(self) -> list[Any]:
        """Return all parameter nodes of this module in the scene."""
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self) -> Any:
        """Make a parameter node in the scene."""
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetModuleName(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return slicer.mrmlScene.AddNode(node)


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The module's self test."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.messageDelay = 0

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        """Show a message for a moment."""
        slicer.util.delayDisplay(message, 0)

    def takeScreenshot(self, name: str, description: str = "", type: int = -1) -> None:
        """Do nothing: scene views are not part of the stand-in."""

    def runTest(self) -> None:
        """Run the tests; modules override this."""
        logging.warning("No test is defined in this module")
