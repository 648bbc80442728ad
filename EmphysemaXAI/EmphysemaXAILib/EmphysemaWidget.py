"""The panel of the emphysema module: ties the widgets, the parameter node and the logic together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slicer.i18n import tr as _
from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.ModelTaskPanel import ModelTaskPanel

from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest
from EmphysemaXAILib.EmphysemaResultsPanel import EmphysemaResultsPanel
from EmphysemaXAILib.ExplainedClassChoice import ExplainedClassChoice
from EmphysemaXAILib.PanelRequest import requestOfParameters
from EmphysemaXAILib.PanelRequest import scanText
from EmphysemaXAILib.PanelRequest import showRequest
from EmphysemaXAILib.ReportPanel import ReportPanel

__all__ = ["EmphysemaWidget"]


class EmphysemaWidget(ModelTaskPanel):
    """The panel of ``EmphysemaXAI.ui``; its logic is an ``EmphysemaLogic``."""

    SETTINGS = "Emphysema"

    def build(self) -> None:
        """Make and connect the parts that only this panel has."""
        ui = self.ui
        self._shownOverlay: Any = ()
        self.methodChoice = CheckableChoice(ui.methodsComboBox)
        self.classChoice = ExplainedClassChoice(ui.classComboBox)
        self.results = EmphysemaResultsPanel(ui)
        self.report = ReportPanel(ui, self.jobPanel, self.logic.reports)
        self.methodChoice.changed.connect(lambda titles: self._store("methods", self._methodsOf(titles)))
        self.classChoice.changed.connect(lambda name: self._store("explainedClass", name))
        ui.overlayComboBox.connect("currentIndexChanged(int)", self._onOverlay)
        ui.opacitySlider.connect("valueChanged(double)", self._onOpacity)
        ui.thresholdSlider.connect("valueChanged(double)", self.results.setThreshold)

    def tabStops(self) -> Sequence[Any]:
        """Return the widgets that Tab goes through, from top to bottom."""
        ui, status, model, job = self.ui, self.status.line.ui, self.modelSelector.ui, self.jobPanel.ui
        return [
            *(status.mendButton, status.settingsButton, ui.inputSelector, ui.lungsSelector, ui.previousSelector),
            *(ui.patternsCheckBox, ui.severityCheckBox, ui.explanationsCheckBox),
            *(model.modelComboBox, model.cardButton, model.addModelButton, model.cardBrowser),
            *(ui.methodsComboBox, ui.classComboBox, ui.deviceComboBox, ui.nameEdit, ui.show3DCheckBox),
            *(job.applyButton, job.detailsButton, job.detailsText, ui.recordSelector),
        ]

    def setParameterNode(self, parameters: Any | None) -> None:
        """Show and edit this parameter node; None shows and edits none (the scene is being closed)."""
        self._shownOverlay = ()
        super().setParameterNode(parameters)

    # --- request ---
    def request(self) -> EmphysemaRequest:
        """Return the request that the panel shows."""
        return requestOfParameters(self._parameters, self.modelSelector.currentKey)

    def showRequest(self, request: EmphysemaRequest) -> None:
        """Set the parameter node as a request says."""
        showRequest(self._parameters, request)

    def chosenModel(self, request: EmphysemaRequest) -> str:
        """Return the severity model of a request."""
        return request.settings.severity_model or ""

    def forgetModelChoices(self) -> None:
        """Explain the most probable grade of the model that is about to be chosen."""
        self._parameters.explainedClass = ""

    def completeNew(self) -> None:
        """Let a new parameter node ask for what the installed models can do; density needs none."""
        from mambamed.emphysema.settings import DEFAULT_PATTERN_MODEL

        self._parameters.patterns = self.logic.canFindPatterns(DEFAULT_PATTERN_MODEL)
        self._parameters.severity = bool(self._parameters.model)
        self._parameters.explanations = bool(self._parameters.model)

    # --- showing ---
    def showNothing(self) -> str:
        """Show no result; return what must be chosen first."""
        self.results.show(None)
        self.report.setRecord(None)
        return _("Choose a chest CT.")

    def showParameters(self) -> None:
        """Bring what depends on the parameter node up to date."""
        parameters, entry = self._parameters, self.modelSelector.current
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

    def showHint(self, problem: str, request: EmphysemaRequest | None) -> str:
        """Say what is missing, or what is known about the scan."""
        self.ui.estimateLabel.text = problem or scanText(self._parameters.inputVolume)
        return _("Start the analysis")

    def resultOf(self, nodes: Any) -> Any:
        """Return the run record, through which the rest is found."""
        return nodes.record

    def showResult(self, nodes: Any) -> None:
        """Show the nodes of a job that has just finished."""
        self._parameters.record = nodes.record
        self.ui.resultsCollapsibleButton.collapsed = False

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
