"""The panel of the registration module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
from slicer.i18n import tr as _
from SlicerMambaMedLib.ModelCardView import cardAsHtml
from SlicerMambaMedLib.TrainablePanel import TrainablePanel

from DISARegistrationLib.ComparisonPanel import ComparisonPanel
from DISARegistrationLib.LandmarkPanel import LandmarkPanel
from DISARegistrationLib.MethodChoice import MethodChoice
from DISARegistrationLib.Placement import RESULT_ATTRIBUTE
from DISARegistrationLib.PlotView import PlotView
from DISARegistrationLib.RegistrationRequest import RegistrationRequest
from DISARegistrationLib.RegistrationResultImport import previewTransforms
from DISARegistrationLib.RegistrationResultsPanel import RegistrationResultsPanel
from DISARegistrationLib.SettingsOfParameters import fillFromSettings
from DISARegistrationLib.SettingsOfParameters import settingsOf

__all__ = ["RegistrationWidget"]


class RegistrationWidget(TrainablePanel):
    """The panel of ``DISARegistration.ui``; its logic is a ``RegistrationLogic``."""

    SETTINGS = "Registration"
    INPUTS = ("fixedVolume", "movingVolume")

    def build(self) -> None:
        """Make and connect the parts that only this panel has."""
        ui = self.ui
        self._curve: tuple[list[float], list[float]] = ([], [])
        self.methods = MethodChoice(ui, self.logic.models)
        self.similarityPlot = PlotView(ui.similarityPlotLabel, _("Similarity"))
        self.results = RegistrationResultsPanel(ui)
        self.comparison = ComparisonPanel(ui)
        self.landmarks = LandmarkPanel(ui)
        self.methods.presetChosen.connect(self._choosePreset)
        self.methods.changed.connect(self._store)
        ui.cardButton.connect("toggled(bool)", self._onCardToggled)
        ui.previewButton.connect("clicked(bool)", lambda checked=False: self.preview())
        ui.undoButton.connect("clicked(bool)", lambda checked=False: self.undo())
        # Qt does not tell a closed section of what is hidden in it meanwhile: it is hidden again when it opens.
        for section in (ui.resultsCollapsibleButton, ui.qualityCollapsibleButton):
            section.connect("contentsCollapsed(bool)", lambda collapsed: self._onSectionOpened(collapsed))
        ui.resultSelector.addAttribute("vtkMRMLTransformNode", RESULT_ATTRIBUTE, "result")

    def tabStops(self) -> Sequence[Any]:
        """Return the widgets that Tab goes through, from top to bottom."""
        ui, status, job = self.ui, self.status.line.ui, self.jobPanel.ui
        return [
            *(status.mendButton, status.settingsButton, ui.fixedSelector, ui.movingSelector, ui.presetComboBox),
            *(ui.methodComboBox, ui.cardButton, ui.cardBrowser, ui.transformComboBox, ui.deviceComboBox),
            *(ui.warpedCheckBox, ui.jacobianCheckBox, ui.similarityMapCheckBox, ui.previewButton),
            *(job.applyButton, job.detailsButton, job.detailsText, ui.resultSelector),
        ]

    # --- life ---
    def endTemporary(self) -> None:
        """Take the preview and the checkerboard out of the scene and stop the flickering."""
        self.logic.endPreview()
        if self.comparison.mode in (self.comparison.CHECKERBOARD, self.comparison.FLICKER):
            self.comparison.setMode(self.comparison.BLEND)
        self.refreshSoon()

    def forgetScene(self) -> None:
        """The scene begins to close: let go of its nodes, the slice views included."""
        self.comparison.show(None, None)
        super().forgetScene()

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; a running job goes on."""
        super().cleanup()
        self.comparison.cleanup()
        self.landmarks.cleanup()

    # --- request ---
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

    def showRequest(self, request: RegistrationRequest) -> None:
        """Set the parameter node as a request says."""
        parameters = self._parameters
        fillFromSettings(parameters, request.settings)
        parameters.fixedVolume, parameters.movingVolume = request.fixed, request.moving
        for name in ("fixedMask", "movingMask", "initialTransform", "region", "fixedLandmarks", "movingLandmarks"):
            setattr(parameters, name, getattr(request, name))

    # --- doing ---
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

    def _follow(self, job: Any) -> None:
        self._curve = ([], [])
        self.similarityPlot.clear()
        super()._follow(job)
        job.metricReceived.connect(self._onMetric)

    def _unfollow(self, job: Any) -> None:
        super()._unfollow(job)
        job.metricReceived.disconnect(self._onMetric)

    def _onMetric(self, name: str, value: Any, step: Any) -> None:
        if name == "similarity" and value is not None:
            steps, values = self._curve
            # Each stage of the engine may count its steps from the beginning; the curve goes on to the right.
            latest = steps[-1] if steps else -1.0
            steps.append(max(latest + 1.0, float(step or 0)))
            values.append(float(value))
            self.similarityPlot.showCurve(steps, values)

    # --- showing ---
    def showNothing(self) -> str:
        """Show no result; return what must be chosen first."""
        self.results.show(None)
        self.landmarks.show(None, None, None)
        self.ui.previewButton.enabled = False
        return _("Choose a fixed volume.")

    def showParameters(self) -> None:
        """Bring what depends on the parameter node up to date."""
        self.methods.show(self._parameters)
        self._showCard()
        self._showChosenResult()

    def showHint(self, problem: str, request: RegistrationRequest | None) -> str:
        """Say what is missing, or what the preset is for."""
        self.ui.hintLabel.text = problem or self.methods.hint(self._parameters)
        isShown = bool(previewTransforms(self.logic.scene))
        self.ui.previewButton.text = _("End preview") if isShown else _("Previe&w")
        self.ui.previewButton.enabled = isShown or (not problem and not self.jobPanel.isBusy)
        self.ui.initialTransformSelector.enabled = self._parameters.initial == "transform"
        return _("Start the registration")

    def resultOf(self, nodes: Any) -> Any:
        """Return the transform."""
        return nodes.transform

    def showResult(self, nodes: Any) -> None:
        """Show the nodes of a job that has just finished."""
        if nodes.record is None:
            self.comparison.show(self._parameters.fixedVolume, self._parameters.movingVolume)
            self.jobPanel.showMessage(_("This is a preview: coarse, rigid, and not kept. Apply registers properly."))
        else:
            self._parameters.resultTransform = nodes.transform
            self._parameters.record = nodes.record
            self._showChosenResult()
            self.ui.resultsCollapsibleButton.collapsed = False
            self.ui.qualityCollapsibleButton.collapsed = False
        self.comparison.setMode(self.comparison.BLEND)

    def _showChosenResult(self) -> None:
        """Show what belongs to the chosen result."""
        transform = self._parameters.resultTransform
        self.results.show(transform)
        if not previewTransforms(self.logic.scene):
            results = self.results
            self.comparison.show(results.fixed, results.moving, results.jacobian, results.similarityMap)
        self.landmarks.show(self._parameters.fixedLandmarks, self._parameters.movingLandmarks, transform)

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
        super()._store(name, value)
        if name == "method" and value.startswith("network:") and self._parameters is not None:
            self._parameters.transformModel = "deformable"  # a network gives nothing else

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

    def chooseTrained(self, path: str) -> None:
        """List a network that was just trained, and choose it."""
        method = self.methods.listNetworks(path)
        if method:
            self._store("method", method)
        self.refresh()

    # --- between sessions ---
    def remember(self, request: RegistrationRequest) -> None:
        """Store preset and device for the next new parameter node."""
        settings = self.logic.session.settings
        settings.setText(f"{self.SETTINGS}/Preset", request.settings.preset)
        settings.setText(f"{self.SETTINGS}/Device", request.settings.device)

    def restore(self) -> None:
        """Give a new parameter node the preset and device of the last run; one from a scene keeps its own."""
        parameters, settings = self._parameters, self.logic.session.settings
        if not parameters.preset:
            parameters.device = settings.text(f"{self.SETTINGS}/Device", "auto")
            known = {key for key, _words, _explanation in self.methods.presets}
            name = settings.text(f"{self.SETTINGS}/Preset", self.logic.DEFAULT_PRESET)
            self._choosePreset(name if name in known else self.logic.DEFAULT_PRESET)
