"""The panel of the detection module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import vtk
from slicer.i18n import tr as _
from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.KeyedChoice import KeyedChoice
from SlicerMambaMedLib.TrainingTaskPanel import TrainingTaskPanel

from OrientedDetectionLib.Detection import Detection
from OrientedDetectionLib.DetectionRequest import DetectionRequest
from OrientedDetectionLib.DetectionResultsPanel import DetectionResultsPanel
from OrientedDetectionLib.PanelRequest import RED_SLICE_NODE
from OrientedDetectionLib.PanelRequest import imageText
from OrientedDetectionLib.PanelRequest import isPicture
from OrientedDetectionLib.PanelRequest import requestOfParameters
from OrientedDetectionLib.PanelRequest import showRequest

__all__ = ["DetectionWidget"]


class DetectionWidget(TrainingTaskPanel):
    """The panel of ``OrientedDetection.ui``; its logic is a ``DetectionLogic``."""

    SETTINGS = "Detection"

    def build(self) -> None:
        """Make and connect the parts that only this panel has."""
        ui = self.ui
        self._observations: list[tuple[Any, int]] = []
        self.axisChoice = KeyedChoice(ui.sliceAxisComboBox, _axisEntries())
        self.slabChoice = KeyedChoice(ui.slabComboBox, _slabEntries())
        self.shapeChoice = KeyedChoice(ui.shapeComboBox, _shapeEntries())
        self.labelChoice = CheckableChoice(ui.labelsComboBox)
        self.results = DetectionResultsPanel(ui, self.logic.save, self.jobPanel.showMessage)
        self.axisChoice.changed.connect(lambda key: self._store("sliceAxis", key))
        self.slabChoice.changed.connect(lambda key: self._store("slab", key))
        self.shapeChoice.changed.connect(lambda key: self._store("shape", key))
        self.labelChoice.changed.connect(lambda names: self._store("labels", names))
        self.results.labelsChosen.connect(self._onLabelsShown)
        ui.scoreSlider.connect("valueChanged(double)", self.results.setLeastScore)

    def tabStops(self) -> Sequence[Any]:
        """Return the widgets that Tab goes through, from top to bottom."""
        ui, status, model, job = self.ui, self.status.line.ui, self.modelSelector.ui, self.jobPanel.ui
        return [
            *(status.mendButton, status.settingsButton, ui.inputSelector, ui.sliceAxisComboBox, ui.slabComboBox),
            *(ui.firstSliceSpinBox, ui.lastSliceSpinBox),
            *(model.modelComboBox, model.cardButton, model.addModelButton, model.cardBrowser, ui.deviceComboBox),
            *(ui.shapeComboBox, ui.linkSlicesCheckBox, job.applyButton, job.detailsButton, job.detailsText),
            ui.recordSelector,
        ]

    # --- life ---
    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        self._observeScene(parameters is not None)
        super().setParameterNode(parameters)

    def _observeScene(self, isShown: bool) -> None:
        """While the panel is shown, follow the Red view (it may say which slice is looked at) and deleted objects."""
        for source, tag in self._observations:
            source.RemoveObserver(tag)
        self._observations = []
        if not isShown:
            return
        scene = self.logic.scene
        self._observations.append((scene, scene.AddObserver(scene.NodeRemovedEvent, self._onNodeRemoved)))
        view = scene.GetNodeByID(RED_SLICE_NODE)
        if view is not None:
            self._observations.append((view, view.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onViewModified)))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: Any, event: Any, node: Any) -> None:
        if node.IsA("vtkMRMLMarkupsNode"):
            self.refreshSoon()

    def _onViewModified(self, caller: Any, event: Any) -> None:
        if self._parameters is not None and self._parameters.slab == "red":
            self.refreshSoon()

    # --- request ---
    def request(self) -> DetectionRequest:
        """Return the request that the panel shows."""
        return requestOfParameters(self._parameters, self.modelSelector.currentKey)

    def showRequest(self, request: DetectionRequest) -> None:
        """Set the parameter node as a request says."""
        showRequest(self._parameters, request)

    def forgetModelChoices(self) -> None:
        """Look for all labels of the model that is about to be chosen."""
        self._parameters.labels = []

    # --- showing ---
    def showNothing(self) -> str:
        """Show no result; return what must be chosen first."""
        self.results.show(None)
        return _("Choose an image or a volume.")

    def showParameters(self) -> None:
        """Bring what depends on the parameter node up to date."""
        parameters, entry, ui = self._parameters, self.modelSelector.current, self.ui
        self.axisChoice.setCurrent(parameters.sliceAxis)
        self.slabChoice.setCurrent(parameters.slab)
        self.shapeChoice.setCurrent(parameters.shape)
        self.labelChoice.setNames(entry.labelNames if entry else (), parameters.labels)
        isVolume = parameters.inputVolume is not None and not isPicture(parameters.inputVolume)
        for widget in (ui.slabComboBox, ui.slabLabel, ui.linkSlicesCheckBox):
            widget.enabled = isVolume
        for widget in (ui.sliceAxisComboBox, ui.sliceAxisLabel):
            widget.enabled = isVolume and parameters.slab != "red"
        for widget in (ui.firstSliceSpinBox, ui.lastSliceSpinBox, ui.toLabel):
            widget.visible = isVolume and parameters.slab == "slab"
        self.results.show(parameters.record, parameters.leastScore, parameters.shownLabels)

    def showHint(self, problem: str, request: DetectionRequest | None) -> str:
        """Say what is missing, or which slices will be looked at."""
        self.ui.estimateLabel.text = problem or imageText(request)
        return _("Look for objects")

    def resultOf(self, nodes: Any) -> Any:
        """Return the run record, through which the rest is found."""
        return nodes.record

    def showResult(self, nodes: Any) -> None:
        """Show the nodes of a job that has just finished."""
        self._parameters.shownLabels = []
        self._parameters.record = nodes.record
        self.ui.resultsCollapsibleButton.collapsed = False
        if not nodes.markups:
            text = _("Nothing was found with a score of {score} or more.")
            score = Detection.fromJson(nodes.detections.GetText()).scoreThreshold
            self.jobPanel.showMessage(text.format(score=f"{score:.2f}"))

    def _onLabelsShown(self, names: list[str]) -> None:
        self._store("shownLabels", names)
        self.results.show(self._parameters.record, self._parameters.leastScore, names)


def _axisEntries() -> list[tuple[str, str, str]]:
    return [
        ("axial", _("Axial"), _("Slices from feet to head")),
        ("coronal", _("Coronal"), _("Slices from back to front")),
        ("sagittal", _("Sagittal"), _("Slices from left to right")),
        ("stored", _("As stored"), _("Slices along the last stored axis, as they are stored")),
    ]


def _slabEntries() -> list[tuple[str, str, str]]:
    return [
        ("all", _("All"), _("Every slice of the volume")),
        ("slab", _("From ... to"), _("A slab: slices by number, counted from 0")),
        ("red", _("Shown in the Red view"), _("The slice that the Red view shows when Apply is clicked")),
    ]


def _shapeEntries() -> list[tuple[str, str, str]]:
    return [
        ("roi", _("Boxes (ROI)"), _("3D boxes, as thick as the slices on which an object was found")),
        ("plane", _("Planes"), _("Rectangles in the middle of the slices on which an object was found")),
    ]
