"""A small scripted module that only the host's own tests load."""

from __future__ import annotations

import enum
import pathlib
from typing import Annotated

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer import vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice
from slicer.parameterNodeWrapper import Default
from slicer.parameterNodeWrapper import WithinRange
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.parameterNodeWrapper import parameterPack
from slicer.ScriptedLoadableModule import ScriptedLoadableModule
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

STARTUPS: list[str] = []


class HostSample(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Host Sample")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["The project"]
        slicer.app.connect("startupCompleted()", lambda: STARTUPS.append("completed"))


class Mode(enum.Enum):
    FAST = "fast"
    EXACT = "exact"


@parameterPack
class Region:
    margin: Annotated[float, WithinRange(0.0, 50.0)] = 5.0
    name: str = "all"


@parameterNodeWrapper
class HostSampleParameters:
    inputVolume: vtkMRMLScalarVolumeNode
    outputSegmentation: vtkMRMLSegmentationNode | None
    threshold: Annotated[float, WithinRange(0.1, 0.9)] = 0.5
    iterations: Annotated[int, WithinRange(1, 20)] = 3
    mode: Mode = Mode.EXACT
    device: Annotated[str, Choice(["auto", "cpu"])] = "auto"
    folder: pathlib.Path = pathlib.Path("somewhere")
    labels: Annotated[list[str], Default(generator=lambda: ["a", "b"])]
    probabilities: bool = False
    limit: int | None = None
    region: Region


class HostSampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._tag = None
        self.calls = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/HostSample.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = HostSampleLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.initializeParameterNode()

    def cleanup(self):
        self.calls.append("cleanup")
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.calls.append("enter")
        self.initializeParameterNode()

    def exit(self):
        self.calls.append("exit")
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._tag)
            self.removeObserver(self._parameterNode.parameterNode, "ModifiedEvent", self.updateApply)
        self._parameterNode = node
        if node is not None:
            self._tag = node.connectGui(self.ui)
            self.addObserver(node.parameterNode, "ModifiedEvent", self.updateApply)
            self.updateApply()

    def updateApply(self, caller=None, event=None):
        ready = self._parameterNode is not None and self._parameterNode.inputVolume is not None
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Compute") if ready else _("Select an input volume")

    def onApplyButton(self, checked):
        with slicer.util.tryWithErrorDisplay(_("Failed to compute."), waitCursor=True):
            self.logic.process(self._parameterNode.inputVolume, self._parameterNode.threshold)
        self.ui.statusLabel.text = _("Done")
        qt.QTimer.singleShot(0, lambda: self.calls.append("later"))


class HostSampleLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return HostSampleParameters(super().getParameterNode())

    def process(self, volume, threshold):
        array = slicer.util.arrayFromVolume(volume)
        if array.max() == 0:
            raise ValueError("The input volume is empty; choose another.")
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        segment_id = segmentation.GetSegmentation().AddEmptySegment("bright", "bright", [0.2, 0.6, 0.9])
        mask = (array > threshold * array.max()).astype("uint8")
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment_id, volume)
        return segmentation


class HostSampleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        STARTUPS.append("tested")
