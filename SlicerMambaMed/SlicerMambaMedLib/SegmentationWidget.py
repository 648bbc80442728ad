"""The panel of the segmentation module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from slicer.i18n import tr as _

from SlicerMambaMedLib.ChannelSelectors import ChannelSelectors
from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.EstimateText import estimateText
from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest
from SlicerMambaMedLib.SegmentationResultsPanel import SegmentationResultsPanel
from SlicerMambaMedLib.TrainingTaskPanel import TrainingTaskPanel

__all__ = ["SegmentationWidget"]

_log = logging.getLogger("mambamed")


class SegmentationWidget(TrainingTaskPanel):
    """The panel of ``SlicerMambaMed.ui``; its logic is a ``SegmentationLogic``."""

    SETTINGS = "Segmentation"

    def build(self) -> None:
        """Make and connect the parts that only this panel has."""
        ui = self.ui
        self.channelSelectors = ChannelSelectors(ui.channelsFrame)
        self.labelChoice = CheckableChoice(ui.labelsComboBox)
        self.foldChoice = CheckableChoice(ui.foldsComboBox)
        self.results = SegmentationResultsPanel(ui)
        self.labelChoice.changed.connect(lambda names: self._store("labels", names))
        self.foldChoice.changed.connect(lambda names: self._store("folds", names))
        self.channelSelectors.changed.connect(self.refreshSoon)

    def tabStops(self) -> Sequence[Any]:
        """Return the widgets that Tab goes through, from top to bottom."""
        ui, status, model, job = self.ui, self.status.line.ui, self.modelSelector.ui, self.jobPanel.ui
        return [
            *(status.mendButton, status.settingsButton, ui.inputSelector),
            *(model.modelComboBox, model.cardButton, model.addModelButton, model.cardBrowser, ui.deviceComboBox),
            *(ui.outputSelector, ui.show3DCheckBox, job.applyButton, job.detailsButton, job.detailsText),
            ui.resultSelector,
        ]

    # --- life ---
    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        self.channelSelectors.setParameterNode(parameters.parameterNode if parameters is not None else None)
        super().setParameterNode(parameters)

    # --- request ---
    def request(self) -> SegmentationRequest:
        """Return the request that the panel shows."""
        from mambamed.segmentation.settings import SegmentationSettings

        parameters = self._parameters
        settings = SegmentationSettings(
            model=self.modelSelector.currentKey,
            device=parameters.device,
            precision=parameters.precision,
            step_size=parameters.stepSize,
            mirroring=parameters.mirroring,
            labels=tuple(parameters.labels) or None,
            folds=tuple(parameters.folds) or None,
            probabilities=parameters.probabilities,
            uncertainty=parameters.uncertainty,
        )
        return SegmentationRequest(
            inputs=(parameters.inputVolume, *self.channelSelectors.nodes),
            settings=settings,
            region=parameters.region,
            output=parameters.outputSegmentation,
            show3D=parameters.show3D,
        )

    def showRequest(self, request: SegmentationRequest) -> None:
        """Set the parameter node as a request says."""
        parameters, settings = self._parameters, request.settings
        parameters.inputVolume = request.inputs[0]
        parameters.model = settings.model
        for name in ("device", "precision", "mirroring", "probabilities", "uncertainty"):
            setattr(parameters, name, getattr(settings, name))
        parameters.stepSize = max(0.1, settings.step_size)
        parameters.labels = list(settings.labels or ())
        parameters.folds = list(settings.folds or ())
        parameters.region = request.region
        parameters.outputSegmentation = None
        self.refresh()  # the selectors of further channels are there only then
        self.channelSelectors.setNodes(request.inputs[1:])

    def forgetModelChoices(self) -> None:
        """Take all labels and folds of the model that is about to be chosen."""
        self._parameters.labels = []
        self._parameters.folds = []

    # --- showing ---
    def showNothing(self) -> str:
        """Show no result; return what must be chosen first."""
        self.results.show(None)
        return _("Choose an input volume.")

    def showParameters(self) -> None:
        """Bring what depends on the parameter node up to date."""
        parameters, entry = self._parameters, self.modelSelector.current
        channels = entry.channelNames if entry else ()
        self.ui.inputLabel.text = _("{channel} volume:").format(channel=channels[0]) if channels else _("Input volume:")
        self.channelSelectors.setChannels(channels[1:])
        self.labelChoice.setNames(entry.labelNames if entry else (), parameters.labels)
        self.foldChoice.setNames(entry.folds if entry else (), parameters.folds)
        self.results.show(parameters.resultSegmentation)

    def showHint(self, problem: str, request: SegmentationRequest | None) -> str:
        """Say what is missing, or what the run will cost."""
        text = problem
        if not problem:
            try:
                text = estimateText(self.logic.estimate(request))
            except Exception as error:
                _log.warning("No estimate of time and memory: %s", error)
        self.ui.estimateLabel.text = text
        return _("Start the segmentation")

    def resultOf(self, nodes: Any) -> Any:
        """Return the segmentation."""
        return nodes.segmentation

    def showResult(self, nodes: Any) -> None:
        """Show the nodes of a job that has just finished."""
        self._parameters.resultSegmentation = nodes.segmentation
        self._parameters.record = nodes.record
        self.ui.resultsCollapsibleButton.collapsed = False
