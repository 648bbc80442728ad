"""The panel of the emphysema module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.DeviceSelector import DeviceSelector
from SlicerMambaMedLib.EngineStatus import EngineStatus
from SlicerMambaMedLib.JobPanel import JobPanel
from SlicerMambaMedLib.ModelSelector import ModelSelector
from SlicerMambaMedLib.UserInterface import setTabOrder

from EmphysemaXAILib.EmphysemaLogic import EmphysemaLogic
from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest
from EmphysemaXAILib.EmphysemaResultsPanel import EmphysemaResultsPanel
from EmphysemaXAILib.ExplainedClassChoice import ExplainedClassChoice
from EmphysemaXAILib.PanelRequest import requestOfParameters
from EmphysemaXAILib.PanelRequest import scanText
from EmphysemaXAILib.PanelRequest import showRequest
from EmphysemaXAILib.ReportPanel import ReportPanel

__all__ = ["EmphysemaWidget"]


class EmphysemaWidget:
    """Everything below the module's title; made once per module widget.

    The parameter node is the truth: widgets write into it, and whatever changes it (a loaded scene, a script, "repeat")
    is shown. Widgets with a ``SlicerParameterName`` are bound by Slicer's wrapper, the others here.

    Args:
        ui: named widgets of ``EmphysemaXAI.ui``.
        logic: what does the work.
    """

    REFRESH_DELAY_MS = 200

    def __init__(self, ui: Any, logic: EmphysemaLogic) -> None:
        self.ui = ui
        self.logic = logic
        self._parameters: Any = None
        self._guiTag: Any = None
        self._observation: Any = None
        self._unshownNodes: Any = None
        self._shownOverlay: Any = ()
        self.status = EngineStatus(ui.statusFrame, logic.session)
        self.modelSelector = ModelSelector(ui.modelFrame, logic.models)
        self.deviceSelector = DeviceSelector(ui.deviceComboBox, ui.backendLabel)
        self.methodChoice = CheckableChoice(ui.methodsComboBox)
        self.classChoice = ExplainedClassChoice(ui.classComboBox)
        self.jobPanel = JobPanel(ui.jobFrame)
        self.results = EmphysemaResultsPanel(ui)
        self.report = ReportPanel(ui, self.jobPanel, logic.reports)
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
        self.methodChoice.changed.connect(lambda titles: self._store("methods", self._methodsOf(titles)))
        self.classChoice.changed.connect(lambda name: self._store("explainedClass", name))
        self.jobPanel.applyRequested.connect(self.apply)
        self.status.changed.connect(self._onEngineChanged)
        self.ui.repeatButton.connect("clicked(bool)", lambda checked=False: self.repeat())
        self.ui.recordSelector.addAttribute("vtkMRMLTextNode", "MambaMed.RecordOfTask", self.logic.TASK)
        self.ui.overlayComboBox.connect("currentIndexChanged(int)", self._onOverlay)
        self.ui.opacitySlider.connect("valueChanged(double)", self._onOpacity)
        self.ui.thresholdSlider.connect("valueChanged(double)", self.results.setThreshold)

    def _setTabOrder(self) -> None:
        """Let Tab go from top to bottom; the shared parts are made after the rest and would come last."""
        ui, status, model, job = self.ui, self.status.line.ui, self.modelSelector.ui, self.jobPanel.ui
        setTabOrder(
            [
                *(status.mendButton, status.settingsButton, ui.inputSelector, ui.lungsSelector, ui.previousSelector),
                *(ui.patternsCheckBox, ui.severityCheckBox, ui.explanationsCheckBox),
                *(model.modelComboBox, model.cardButton, model.addModelButton, model.cardBrowser),
                *(ui.methodsComboBox, ui.classComboBox, ui.deviceComboBox, ui.nameEdit, ui.show3DCheckBox),
                *(job.applyButton, job.detailsButton, job.detailsText, ui.recordSelector),
            ]
        )

    # --- life ---
    def enter(self) -> None:
        """The module is shown: look at the engine, and for jobs that an earlier session left running."""
        self.status.check()
        if not self.jobPanel.isBusy:
            for job in self.logic.attachRunning():
                self._follow(job)

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; a running job goes on."""
        self._refreshTimer.stop()
        self.setParameterNode(None)
        if self.jobPanel.job is not None:
            self.jobPanel.job.finished.disconnect(self._onFinished)
        self.jobPanel.detach()
        self.status.cleanup()

    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self._parameters.RemoveObserver(self._observation)
        self._parameters = parameters
        self._shownOverlay = ()
        if parameters is not None:
            self._restoreLastChoices()
            self._guiTag = parameters.connectGui(self.ui)
            self._observation = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._showNewResult()
        self.refresh()

    # --- doing ---
    def request(self) -> EmphysemaRequest:
        """Return the request that the panel shows."""
        return requestOfParameters(self._parameters, self.modelSelector.currentKey)

    def apply(self) -> None:
        """Start the analysis that the panel asks for (the Apply button)."""
        self._start(self.request)

    def repeat(self) -> None:
        """Set the panel as in the shown run record and start that run again."""
        try:
            request = self.logic.requestFromRecord(self._parameters.record)
        except Exception as error:
            self.jobPanel.showMessage(str(error), isError=True)
            return
        showRequest(self._parameters, request)
        self.refresh()
        self._start(lambda: request)

    def _start(self, makeRequest: Any) -> None:
        if self.jobPanel.isBusy or not self.status.ensurePackages(self.jobPanel.showMessage):
            return
        try:
            request = makeRequest()
            job = self.logic.start(request)
        except Exception as error:
            self.jobPanel.showMessage(str(error), isError=True)
            return
        self._rememberChoices(request)
        self._follow(job)

    def _follow(self, job: Any) -> None:
        self.jobPanel.follow(job)
        job.finished.connect(self._onFinished)
        self.refreshSoon()

    def _onFinished(self, job: Any) -> None:
        if job.outcome == "done":
            self._unshownNodes = job.nodes
            self._showNewResult()
        self.refreshSoon()

    def _showNewResult(self) -> None:
        """Show the nodes of the last run, now or when the panel is shown again."""
        nodes = self._unshownNodes
        if nodes is None or self._parameters is None:
            return
        self._unshownNodes = None
        if nodes.record.GetScene() is None:
            return
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
            self.report.setRecord(None)
            self.ui.repeatButton.enabled = False
            self.jobPanel.setProblem(_("Choose a chest CT."))
            return
        parameters = self._parameters
        self.modelSelector.setCurrentKey(parameters.model)
        self.deviceSelector.setCurrent(parameters.device)
        entry = self.modelSelector.current
        self.methodChoice.setNames(list(self._methodTitles()), self._titlesOf(parameters.methods))
        self.classChoice.setNames(entry.labelNames if entry else (), parameters.explainedClass)
        withSeverity = parameters.severity or parameters.explanations
        for widget in (self.ui.modelFrame, self.ui.modelLabel):
            widget.enabled = withSeverity
        for widget in (self.ui.methodsComboBox, self.ui.methodsLabel, self.ui.classComboBox, self.ui.classLabel):
            widget.enabled = parameters.explanations
        self.ui.sigmaSpinBox.enabled = parameters.noiseFilter == "gaussian"
        self.results.show(parameters.record)
        self._showOverlay()
        self.report.setRecord(parameters.record)
        self.ui.repeatButton.enabled = parameters.record is not None and not self.jobPanel.isBusy
        self._showProblem()

    def _showProblem(self) -> None:
        """Enable Apply or say in its tooltip what is missing; show what is known about the scan."""
        try:
            problem = self.logic.problem(self.request())
        except Exception as error:
            problem = str(error)
        self.ui.estimateLabel.text = problem or scanText(self._parameters.inputVolume)
        self.jobPanel.setProblem(problem, _("Start the analysis"))

    def _showOverlay(self) -> None:
        """Show the chosen overlay when the choice, or the result that it belongs to, has changed."""
        parameters = self._parameters
        state = (parameters.record, parameters.overlay)
        if parameters.record is not None and state != self._shownOverlay:
            self._shownOverlay = state
            self.results.showOverlay(parameters.overlay, parameters.overlayOpacity, parameters.mapThreshold)
        for widget in (self.ui.overlayComboBox, self.ui.overlayLabel, self.ui.opacitySlider, self.ui.opacityLabel):
            widget.enabled = parameters.record is not None

    def _onOverlay(self, index: int) -> None:
        if self._parameters is not None:
            self._parameters.overlay = self.results.chosenOverlay
            self._showOverlay()

    def _onOpacity(self, value: float) -> None:
        self.results.overlay.setOpacity(self.results.chosenOverlay, value)

    def _store(self, name: str, value: Any) -> None:
        if self._parameters is None:
            return
        if name == "model" and value != self._parameters.model:
            self._parameters.explainedClass = ""
        setattr(self._parameters, name, value)
        self.refreshSoon()

    def _onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        self.refreshSoon()

    def _onEngineChanged(self) -> None:
        information = self.logic.session.doctor.information
        if information is not None:
            self.deviceSelector.setInformation(information)
        self.status.show(self.deviceSelector.current)
        self.refreshSoon()

    def _chooseWhatCanBeComputed(self) -> None:
        """Let a new parameter node ask for what the installed models can do; density needs none."""
        from mambamed.emphysema.settings import DEFAULT_PATTERN_MODEL

        self._parameters.patterns = self.logic.canFindPatterns(DEFAULT_PATTERN_MODEL)
        self._parameters.severity = bool(self._parameters.model)
        self._parameters.explanations = bool(self._parameters.model)

    # --- explanation methods: stored by identifier, shown by title ---
    @staticmethod
    def _methodTitles() -> dict[str, str]:
        from mambamed.emphysema.report.measure_text import method_title
        from mambamed.emphysema.settings import EXPLANATION_METHODS

        return {method_title(method): method for method in EXPLANATION_METHODS}

    def _methodsOf(self, titles: list[str]) -> list[str]:
        return [method for title, method in self._methodTitles().items() if title in titles]

    def _titlesOf(self, methods: Any) -> list[str]:
        return [title for title, method in self._methodTitles().items() if method in methods]

    # --- between sessions ---
    def _rememberChoices(self, request: EmphysemaRequest) -> None:
        settings = self.logic.session.settings
        settings.setText("Emphysema/Model", request.settings.severity_model or "")
        settings.setText("Emphysema/Device", request.settings.device)

    def _restoreLastChoices(self) -> None:
        """Give a new parameter node the model and device of the last run; one from a scene keeps its own."""
        if not self._parameters.model:
            settings = self.logic.session.settings
            self.modelSelector.refresh(settings.text("Emphysema/Model"))
            self._parameters.model = self.modelSelector.currentKey
            self._parameters.device = settings.text("Emphysema/Device", "auto")
            self._chooseWhatCanBeComputed()
        if self._parameters.inputVolume is None:
            volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
            images = [node for node in volumes if not node.IsA("vtkMRMLLabelMapVolumeNode")]
            self._parameters.inputVolume = images[0] if images else None
