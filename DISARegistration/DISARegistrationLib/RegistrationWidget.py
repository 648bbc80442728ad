"""The panel of the registration module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

import logging
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from SlicerMambaMedLib.DeviceSelector import DeviceSelector
from SlicerMambaMedLib.EngineStatus import EngineStatus
from SlicerMambaMedLib.JobPanel import JobPanel
from SlicerMambaMedLib.ModelCardView import cardAsHtml
from SlicerMambaMedLib.UserInterface import setTabOrder

from DISARegistrationLib.ComparisonPanel import ComparisonPanel
from DISARegistrationLib.LandmarkPanel import LandmarkPanel
from DISARegistrationLib.MethodChoice import MethodChoice
from DISARegistrationLib.Placement import RESULT_ATTRIBUTE
from DISARegistrationLib.PlotView import PlotView
from DISARegistrationLib.RegistrationLogic import RegistrationLogic
from DISARegistrationLib.RegistrationRequest import RegistrationRequest
from DISARegistrationLib.RegistrationResultImport import previewTransforms
from DISARegistrationLib.RegistrationResultsPanel import RegistrationResultsPanel
from DISARegistrationLib.SettingsOfParameters import fillFromSettings
from DISARegistrationLib.SettingsOfParameters import settingsOf

__all__ = ["RegistrationWidget"]

_log = logging.getLogger("mambamed")


class RegistrationWidget:
    """Everything below the module's title; made once per module widget.

    The parameter node is the truth: widgets write into it, and whatever changes it (a loaded scene, a script, "repeat")
    is shown. Widgets with a ``SlicerParameterName`` are bound by Slicer's wrapper, the others here.

    Args:
        ui: named widgets of ``DISARegistration.ui``.
        logic: what does the work.
    """

    REFRESH_DELAY_MS = 200

    def __init__(self, ui: Any, logic: RegistrationLogic) -> None:
        self.ui = ui
        self.logic = logic
        self._parameters: Any = None
        self._guiTag: Any = None
        self._observation: Any = None
        self._unshownNodes: Any = None
        self._curve: tuple[list[float], list[float]] = ([], [])
        self.status = EngineStatus(ui.statusFrame, logic.session)
        self.deviceSelector = DeviceSelector(ui.deviceComboBox, ui.backendLabel)
        self.methods = MethodChoice(ui, logic.models)
        self.jobPanel = JobPanel(ui.jobFrame)
        self.similarityPlot = PlotView(ui.similarityPlotLabel, _("Similarity"))
        self.results = RegistrationResultsPanel(ui)
        self.comparison = ComparisonPanel(ui)
        self.landmarks = LandmarkPanel(ui)
        # Several changes in one go (a scene being loaded, a preset being chosen) are looked at once.
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
        self.methods.presetChosen.connect(self._choosePreset)
        self.methods.changed.connect(self._store)
        self.deviceSelector.changed.connect(lambda identifier: self._store("device", identifier))
        self.jobPanel.applyRequested.connect(self.apply)
        self.status.changed.connect(self._onEngineChanged)
        self.ui.cardButton.connect("toggled(bool)", self._onCardToggled)
        self.ui.previewButton.connect("clicked(bool)", lambda checked=False: self.preview())
        self.ui.undoButton.connect("clicked(bool)", lambda checked=False: self.undo())
        self.ui.repeatButton.connect("clicked(bool)", lambda checked=False: self.repeat())
        # Qt does not tell a closed section of what is hidden in it meanwhile: it is hidden again when it opens.
        for section in (self.ui.resultsCollapsibleButton, self.ui.qualityCollapsibleButton):
            section.connect("contentsCollapsed(bool)", lambda collapsed: self._onSectionOpened(collapsed))
        self.ui.recordSelector.addAttribute("vtkMRMLTextNode", "MambaMed.RecordOfTask", self.logic.TASK)
        self.ui.resultSelector.addAttribute("vtkMRMLTransformNode", RESULT_ATTRIBUTE, "result")

    def _setTabOrder(self) -> None:
        """Let Tab go from top to bottom; the shared parts are made after the rest and would come last."""
        ui, status, job = self.ui, self.status.line.ui, self.jobPanel.ui
        setTabOrder(
            [
                *(status.mendButton, status.settingsButton, ui.fixedSelector, ui.movingSelector, ui.presetComboBox),
                *(ui.methodComboBox, ui.cardButton, ui.cardBrowser, ui.transformComboBox, ui.deviceComboBox),
                *(ui.warpedCheckBox, ui.jacobianCheckBox, ui.similarityMapCheckBox, ui.previewButton),
                *(job.applyButton, job.detailsButton, job.detailsText, ui.resultSelector),
            ]
        )

    # --- life ---
    def enter(self) -> None:
        """The module is shown: look at the engine."""
        self.status.check()

    def exit(self) -> None:
        """Another module is shown: what is only for looking ends."""
        self.endTemporary()
        self.setParameterNode(None)

    def endTemporary(self) -> None:
        """Take the preview and the checkerboard out of the scene and stop the flickering."""
        self.logic.endPreview()
        if self.comparison.mode in (self.comparison.CHECKERBOARD, self.comparison.FLICKER):
            self.comparison.setMode(self.comparison.BLEND)
        self.refreshSoon()

    def forgetScene(self) -> None:
        """The scene begins to close: let go of its nodes, the slice views included."""
        self.comparison.show(None, None)
        self.setParameterNode(None)

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; a running job goes on."""
        self.endTemporary()
        self._refreshTimer.stop()
        self.setParameterNode(None)
        self._unfollow()
        self.jobPanel.detach()
        self.comparison.cleanup()
        self.landmarks.cleanup()
        self.status.cleanup()

    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self._parameters.RemoveObserver(self._observation)
        self._parameters = parameters
        if parameters is not None:
            self._restoreLastChoices()
            self._guiTag = parameters.connectGui(self.ui)
            self._observation = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._showNewResult()
        self.refresh()

    # --- doing ---
    def request(self) -> RegistrationRequest:
        """Return the request that the panel shows."""
        parameters = self._parameters
        return RegistrationRequest(
            fixed=parameters.fixedVolume,
            moving=parameters.movingVolume,
            settings=settingsOf(parameters),
            fixedMask=parameters.fixedMask,
            movingMask=parameters.movingMask,
            initialTransform=parameters.initialTransform,
            region=parameters.region,
            fixedLandmarks=parameters.fixedLandmarks,
            movingLandmarks=parameters.movingLandmarks,
        )

    def apply(self) -> None:
        """Start the registration that the panel asks for (the Apply button)."""
        self._tryTo(lambda: self._start(self.request()))

    def preview(self) -> None:
        """Start a quick registration to look at, or end the one that is shown (the Preview button)."""
        if previewTransforms(self.logic.scene):
            self.logic.endPreview()
            self.comparison.end()
            self.jobPanel.clearMessage()
            self.refresh()
        else:
            self._tryTo(lambda: self._start(self.logic.previewOf(self.request())))

    def undo(self) -> None:
        """Take the shown result back (the Undo button)."""
        transform = self._parameters.resultTransform
        self.comparison.show(None, None)
        self._tryTo(lambda: self.logic.undo(transform))
        self.refresh()

    def repeat(self) -> None:
        """Set the panel as in the chosen run record and start that run again."""
        self._tryTo(self._repeat)

    def _repeat(self) -> None:
        request = self.logic.requestFromRecord(self._parameters.record)
        self._showRequest(request)
        self._start(request)

    def _tryTo(self, act: Any) -> None:
        """Do something; what goes wrong is shown as one sentence."""
        try:
            act()
        except Exception as error:
            _log.exception("The panel could not do what was asked")
            self.jobPanel.showMessage(str(error), isError=True)

    def _start(self, request: RegistrationRequest) -> None:
        if self.jobPanel.isBusy or not self.status.ensurePackages(self.jobPanel.showMessage):
            return
        job = self.logic.start(request)
        self._rememberChoices(request)
        self._follow(job)
        self.refresh()

    def _follow(self, job: Any) -> None:
        self._curve = ([], [])
        self.similarityPlot.clear()
        self.jobPanel.follow(job)
        job.metricReceived.connect(self._onMetric)
        job.finished.connect(self._onFinished)

    def _unfollow(self) -> None:
        if self.jobPanel.job is not None:
            self.jobPanel.job.metricReceived.disconnect(self._onMetric)
            self.jobPanel.job.finished.disconnect(self._onFinished)

    def _onMetric(self, name: str, value: Any, step: Any) -> None:
        if name == "similarity" and value is not None:
            steps, values = self._curve
            # Each stage of the engine may count its steps from the beginning; the curve goes on to the right.
            latest = steps[-1] if steps else -1.0
            steps.append(max(latest + 1.0, float(step or 0)))
            values.append(float(value))
            self.similarityPlot.showCurve(steps, values)

    def _onFinished(self, job: Any) -> None:
        if job.outcome == "done":
            self._unshownNodes = job.nodes
            if job.nodes.record is None:
                self.jobPanel.showMessage(
                    _("This is a preview: coarse, rigid, and not kept. Apply registers properly.")
                )
        self._showNewResult()
        self.refresh()

    def _showNewResult(self) -> None:
        """Show the nodes of a finished job, at the latest when the panel is shown again."""
        nodes, self._unshownNodes = self._unshownNodes, None
        if nodes is None or nodes.transform.GetScene() is None:
            return
        if self._parameters is None:
            self._unshownNodes = nodes
            return
        if nodes.record is None:
            self.comparison.show(self._parameters.fixedVolume, self._parameters.movingVolume)
        else:
            self._parameters.resultTransform = nodes.transform
            self._parameters.record = nodes.record
            self._showResult()
            self.ui.resultsCollapsibleButton.collapsed = False
            self.ui.qualityCollapsibleButton.collapsed = False
        self.comparison.setMode(self.comparison.BLEND)

    # --- showing ---
    def refreshSoon(self) -> None:
        """Refresh when the present series of changes is over."""
        self._refreshTimer.start()

    def refresh(self) -> None:
        """Bring everything that depends on the parameter node up to date."""
        self._refreshTimer.stop()
        if self._parameters is None:
            self.results.show(None)
            self.landmarks.show(None, None, None)
            self.ui.repeatButton.enabled = False
            self.ui.previewButton.enabled = False
            self.jobPanel.setProblem(_("Choose a fixed volume."))
            return
        self.methods.show(self._parameters)
        self.deviceSelector.setCurrent(self._parameters.device)
        self._showCard()
        self._showResult()
        self.ui.repeatButton.enabled = self._parameters.record is not None and not self.jobPanel.isBusy
        self._showProblem()

    def _showResult(self) -> None:
        """Show what belongs to the chosen result."""
        transform = self._parameters.resultTransform
        self.results.show(transform)
        if not previewTransforms(self.logic.scene):
            results = self.results
            self.comparison.show(results.fixed, results.moving, results.jacobian, results.similarityMap)
        self.landmarks.show(self._parameters.fixedLandmarks, self._parameters.movingLandmarks, transform)

    def _showProblem(self) -> None:
        """Enable Apply or say in its tooltip what is missing; show what the preset is for."""
        try:
            problem = self.logic.problem(self.request())
        except Exception as error:
            problem = str(error)
        self.ui.hintLabel.text = problem or self.methods.hint(self._parameters)
        self.jobPanel.setProblem(problem, _("Start the registration"))
        isShown = bool(previewTransforms(self.logic.scene))
        self.ui.previewButton.text = _("End preview") if isShown else _("Previe&w")
        self.ui.previewButton.enabled = isShown or (not problem and not self.jobPanel.isBusy)
        self.ui.initialTransformSelector.enabled = self._parameters.initial == "transform"

    def _showRequest(self, request: RegistrationRequest) -> None:
        """Set the parameter node as a request says."""
        parameters = self._parameters
        fillFromSettings(parameters, request.settings)
        parameters.fixedVolume, parameters.movingVolume = request.fixed, request.moving
        for name in ("fixedMask", "movingMask", "initialTransform", "region", "fixedLandmarks", "movingLandmarks"):
            setattr(parameters, name, getattr(request, name))
        self.refresh()

    def _choosePreset(self, name: str) -> None:
        """Set everything that a preset says something about."""
        if self._parameters is None:
            return
        from mambamed.registration.settings import RegistrationSettings

        if name == "custom":
            self._parameters.preset = name
        else:
            settings = RegistrationSettings.for_preset(name)
            if settings.method == "disa" and self.methods.cardOf("disa") is None:
                settings = settings.replace(method="mind-ssc")  # the text below the outputs tells of the change
            fillFromSettings(self._parameters, settings, withOutputs=False)
        self.refreshSoon()

    def _store(self, name: str, value: Any) -> None:
        if self._parameters is None:
            return
        setattr(self._parameters, name, value)
        if name == "method" and value.startswith("network:"):
            self._parameters.transformModel = "deformable"  # a network gives nothing else
        self.refreshSoon()

    def _onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        self.refreshSoon()

    def _onEngineChanged(self) -> None:
        information = self.logic.session.doctor.information
        if information is not None:
            self.deviceSelector.setInformation(information)
        self.status.show(self.deviceSelector.current)
        self.refreshSoon()

    def _onSectionOpened(self, isCollapsed: bool) -> None:
        if not isCollapsed:
            qt.QTimer.singleShot(0, self._showSections)

    def _showSections(self) -> None:
        self.results.refresh()
        self.comparison.showControls()
        self.landmarks.refresh()

    def _showCard(self) -> None:
        entry = self.methods.cardOf(self._parameters.method)
        self.ui.cardButton.enabled = entry is not None
        self.ui.cardBrowser.html = cardAsHtml(entry) if entry is not None else ""
        if entry is None:
            self.ui.cardButton.checked = False

    def _onCardToggled(self, checked: bool) -> None:
        self.ui.cardBrowser.visible = checked

    # --- between sessions ---
    def _rememberChoices(self, request: RegistrationRequest) -> None:
        settings = self.logic.session.settings
        settings.setText("Registration/Preset", request.settings.preset)
        settings.setText("Registration/Device", request.settings.device)

    def _restoreLastChoices(self) -> None:
        """Give a new parameter node the preset and device of the last run; one from a scene keeps its own."""
        parameters, settings = self._parameters, self.logic.session.settings
        if not parameters.preset:
            parameters.device = settings.text("Registration/Device", "auto")
            known = {key for key, _words, _explanation in self.methods.presets}
            name = settings.text("Registration/Preset", self.logic.DEFAULT_PRESET)
            self._choosePreset(name if name in known else self.logic.DEFAULT_PRESET)
        volumes = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _isImage(node)]
        for name in ("fixedVolume", "movingVolume"):
            chosen = (parameters.fixedVolume, parameters.movingVolume)
            free = [node for node in volumes if node not in chosen]
            if getattr(parameters, name) is None and free:
                setattr(parameters, name, free[0])


def _isImage(node: Any) -> bool:
    """Whether a volume is an image rather than a label map or something that is only shown."""
    return not node.IsA("vtkMRMLLabelMapVolumeNode") and not node.GetHideFromEditors()
