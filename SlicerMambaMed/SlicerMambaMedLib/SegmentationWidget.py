"""The panel of the segmentation module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

import logging
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from SlicerMambaMedLib.ChannelSelectors import ChannelSelectors
from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.DeviceSelector import DeviceSelector
from SlicerMambaMedLib.EngineStatus import EngineStatus
from SlicerMambaMedLib.EstimateText import estimateText
from SlicerMambaMedLib.JobPanel import JobPanel
from SlicerMambaMedLib.ModelSelector import ModelSelector
from SlicerMambaMedLib.SegmentationLogic import SegmentationLogic
from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest
from SlicerMambaMedLib.SegmentationResultsPanel import SegmentationResultsPanel
from SlicerMambaMedLib.TrainingPanel import TrainingPanel
from SlicerMambaMedLib.UserInterface import setTabOrder

__all__ = ["SegmentationWidget"]

_log = logging.getLogger("mambamed")


class SegmentationWidget:
    """Everything below the module's title; made once per module widget.

    The parameter node is the truth: widgets write into it, and whatever changes it (a loaded scene, a script, "repeat")
    is shown. Widgets with a ``SlicerParameterName`` are bound by Slicer's wrapper, the others here.

    Args:
        ui: named widgets of ``SlicerMambaMed.ui``.
        logic: what does the work.
    """

    REFRESH_DELAY_MS = 200

    def __init__(self, ui: Any, logic: SegmentationLogic) -> None:
        self.ui = ui
        self.logic = logic
        self._parameters: Any = None
        self._guiTag: Any = None
        self._observation: Any = None
        self._unshownNodes: Any = None
        self.status = EngineStatus(ui.statusFrame, logic.session)
        self.modelSelector = ModelSelector(ui.modelFrame, logic.models)
        self.deviceSelector = DeviceSelector(ui.deviceComboBox, ui.backendLabel)
        self.channelSelectors = ChannelSelectors(ui.channelsFrame)
        self.labelChoice = CheckableChoice(ui.labelsComboBox)
        self.foldChoice = CheckableChoice(ui.foldsComboBox)
        self.jobPanel = JobPanel(ui.jobFrame)
        self.results = SegmentationResultsPanel(ui)
        self.training = TrainingPanel(ui.trainingFrame, logic.training, self.status.ensureTrainingPackages)
        ui.modelLabel.setBuddy(self.modelSelector.comboBox)
        # Several changes in one go (a scene being loaded, a model being chosen) are looked at once.
        self._refreshTimer = qt.QTimer()
        self._refreshTimer.setSingleShot(True)
        self._refreshTimer.setInterval(self.REFRESH_DELAY_MS)
        self._refreshTimer.connect("timeout()", self.refresh)
        self._connect()
        self._setTabOrder()
        running = logic.session.activeJobs.get(logic.TASK)
        if running is not None:
            self._follow(running)

    def _connect(self) -> None:
        self.modelSelector.changed.connect(lambda key: self._store("model", key))
        self.modelSelector.failed.connect(lambda message: self.jobPanel.showMessage(message, isError=True))
        self.deviceSelector.changed.connect(lambda identifier: self._store("device", identifier))
        self.labelChoice.changed.connect(lambda names: self._store("labels", names))
        self.foldChoice.changed.connect(lambda names: self._store("folds", names))
        self.channelSelectors.changed.connect(self.refreshSoon)
        self.jobPanel.applyRequested.connect(self.apply)
        self.status.changed.connect(self._onEngineChanged)
        self.training.modelTrained.connect(self._onModelTrained)
        self.ui.trainingCollapsibleButton.connect("contentsCollapsed(bool)", self._onTrainingCollapsed)
        self.ui.repeatButton.connect("clicked(bool)", lambda checked=False: self.repeat())
        self.ui.recordSelector.addAttribute("vtkMRMLTextNode", "MambaMed.RecordOfTask", self.logic.TASK)

    def _setTabOrder(self) -> None:
        """Let Tab go from top to bottom; the shared parts are made after the rest and would come last."""
        ui, status, model, job = self.ui, self.status.line.ui, self.modelSelector.ui, self.jobPanel.ui
        setTabOrder(
            [
                *(status.mendButton, status.settingsButton, ui.inputSelector),
                *(model.modelComboBox, model.cardButton, model.addModelButton, model.cardBrowser, ui.deviceComboBox),
                *(ui.outputSelector, ui.show3DCheckBox, job.applyButton, job.detailsButton, job.detailsText),
                ui.resultSelector,
            ]
        )

    # --- life ---
    def enter(self) -> None:
        """The module is shown: look at the engine, and for jobs that an earlier session left running."""
        self.status.check()
        if not self.jobPanel.isBusy:
            for job in self.logic.attachRunning():
                self._follow(job)
        self.training.enter()

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; a running job goes on."""
        self._refreshTimer.stop()
        self.setParameterNode(None)
        if self.jobPanel.job is not None:
            self.jobPanel.job.finished.disconnect(self._onFinished)
        self.jobPanel.detach()
        self.training.cleanup()
        self.status.cleanup()

    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self._parameters.RemoveObserver(self._observation)
        self._parameters = parameters
        self.channelSelectors.setParameterNode(parameters.parameterNode if parameters is not None else None)
        if parameters is not None:
            self._restoreLastChoices()
            self._guiTag = parameters.connectGui(self.ui)
            self._observation = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._showNewResult()
        self.refresh()

    # --- doing ---
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

    def apply(self) -> None:
        """Start the segmentation that the panel asks for (the Apply button)."""
        self._start(self.request())

    def repeat(self) -> None:
        """Set the panel as in the chosen run record and start that run again."""
        try:
            request = self.logic.requestFromRecord(self._parameters.record)
        except Exception as error:
            self.jobPanel.showMessage(str(error), isError=True)
            return
        self._showRequest(request)
        self._start(request)

    def _start(self, request: SegmentationRequest) -> None:
        if self.jobPanel.isBusy or not self.status.ensurePackages(self.jobPanel.showMessage):
            return
        try:
            job = self.logic.start(request)
        except Exception as error:
            _log.exception("A segmentation could not be started")
            self.jobPanel.showMessage(str(error), isError=True)
            return
        self._rememberChoices(request)
        self._follow(job)

    def _follow(self, job: Any) -> None:
        self.jobPanel.follow(job)
        job.finished.connect(self._onFinished)

    def _onFinished(self, job: Any) -> None:
        if job.outcome == "done":
            self._unshownNodes = job.nodes
        self._showNewResult()
        self.refresh()

    def _onModelTrained(self, path: str) -> None:
        """List a model that was just trained, and choose it."""
        self.modelSelector.refresh(path)
        self._store("model", path)

    def _onTrainingCollapsed(self, isCollapsed: bool) -> None:
        if not isCollapsed:
            self.training.refresh()

    def _showNewResult(self) -> None:
        """Show the nodes of a finished job, at the latest when the panel is shown again."""
        nodes, self._unshownNodes = self._unshownNodes, None
        if nodes is None or nodes.segmentation.GetScene() is None:
            return
        if self._parameters is None:
            self._unshownNodes = nodes
            return
        self._parameters.resultSegmentation = nodes.segmentation
        self._parameters.record = nodes.record
        self.ui.resultsCollapsibleButton.collapsed = False

    # --- showing ---
    def refreshSoon(self) -> None:
        """Refresh when the present series of changes is over."""
        self._refreshTimer.start()

    def refresh(self) -> None:
        """Bring everything that depends on the parameter node up to date."""
        self._refreshTimer.stop()
        if self._parameters is None:
            self.results.show(None)
            self.ui.repeatButton.enabled = False
            self.jobPanel.setProblem(_("Choose an input volume."))
            return
        self.modelSelector.setCurrentKey(self._parameters.model)
        self.deviceSelector.setCurrent(self._parameters.device)
        entry = self.modelSelector.current
        channels = entry.channelNames if entry else ()
        self.ui.inputLabel.text = _("{channel} volume:").format(channel=channels[0]) if channels else _("Input volume:")
        self.channelSelectors.setChannels(channels[1:])
        self.labelChoice.setNames(entry.labelNames if entry else (), self._parameters.labels)
        self.foldChoice.setNames(entry.folds if entry else (), self._parameters.folds)
        self.results.show(self._parameters.resultSegmentation)
        self.ui.repeatButton.enabled = self._parameters.record is not None and not self.jobPanel.isBusy
        self._showProblem()

    def _showProblem(self) -> None:
        """Enable Apply or say in its tooltip what is missing; show what the run will cost."""
        try:
            request = self.request()
            problem = self.logic.problem(request)
        except Exception as error:
            problem = str(error)
        text = ""
        if not problem:
            try:
                text = estimateText(self.logic.estimate(request))
            except Exception as error:
                _log.warning("No estimate of time and memory: %s", error)
        self.ui.estimateLabel.text = text or problem
        self.jobPanel.setProblem(problem, _("Start the segmentation"))

    def _showRequest(self, request: SegmentationRequest) -> None:
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
        self.refresh()
        self.channelSelectors.setNodes(request.inputs[1:])

    def _store(self, name: str, value: Any) -> None:
        if self._parameters is None:
            return
        if name == "model" and value != self._parameters.model:
            self._parameters.labels = []
            self._parameters.folds = []
        setattr(self._parameters, name, value)
        self.refreshSoon()

    def _onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        self.refreshSoon()

    def _onEngineChanged(self) -> None:
        information = self.logic.session.doctor.information
        if information is not None:
            self.deviceSelector.setInformation(information)
            self.training.deviceSelector.setInformation(information)
        self.status.show(self.deviceSelector.current)
        self.refreshSoon()

    # --- between sessions ---
    def _rememberChoices(self, request: SegmentationRequest) -> None:
        settings = self.logic.session.settings
        settings.setText("Segmentation/Model", request.settings.model)
        settings.setText("Segmentation/Device", request.settings.device)

    def _restoreLastChoices(self) -> None:
        """Give a new parameter node the model and device of the last run; one from a scene keeps its own."""
        if not self._parameters.model:
            settings = self.logic.session.settings
            self.modelSelector.refresh(settings.text("Segmentation/Model"))
            self._parameters.model = self.modelSelector.currentKey
            self._parameters.device = settings.text("Segmentation/Device", "auto")
        if self._parameters.inputVolume is None:
            volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
            images = [node for node in volumes if not node.IsA("vtkMRMLLabelMapVolumeNode")]
            self._parameters.inputVolume = images[0] if images else None
