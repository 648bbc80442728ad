"""The Training part of a panel: cases, network, start, stop, resume, and live curves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from SlicerMambaMedLib.CheckableChoice import CheckableChoice
from SlicerMambaMedLib.DeviceSelector import DeviceSelector
from SlicerMambaMedLib.JobPanel import JobPanel
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.TrainingCurves import TrainingCurves
from SlicerMambaMedLib.TrainingLogic import TrainingLogic
from SlicerMambaMedLib.TrainingRequest import ScenePair
from SlicerMambaMedLib.TrainingRequest import TrainingRequest
from SlicerMambaMedLib.UserInterface import loadInto

__all__ = ["TrainingPanel"]

_log = logging.getLogger("mambamed")
_SHOWN_PROBLEMS = 6


class TrainingPanel:
    """Starts trainings and follows one; ``modelTrained(path)`` tells of a model that is ready.

    Args:
        frame: widget with a layout that takes the section.
        logic: what does the work.
        ensurePackages: given a function that shows a sentence, has missing packages installed; returns whether all
            are there.
    """

    REFRESH_DELAY_MS = 300

    def __init__(self, frame: Any, logic: TrainingLogic, ensurePackages: Callable[..., bool]) -> None:
        self.modelTrained = Signal("path")
        self.logic = logic
        self.choices = logic.choices()
        self.curves: TrainingCurves | None = None
        self.chooseFolder: Callable[[str], str] = self._askForFolder
        self._ensurePackages = ensurePackages
        self._pairs: list[ScenePair] = []
        self._trainings: list[tuple[Path, str]] = []
        self._values: dict[str, float] = {}
        self._training: Any = None
        self.widget, self.ui = loadInto(frame, "MambaMedTraining")
        self.jobPanel = JobPanel(self.ui.trainingJobFrame, _("Start training"), _("Stop"))
        self.jobPanel.ui.applyButton.objectName = "trainButton"
        self.pairChoice = CheckableChoice(self.ui.pairsComboBox)
        self.deviceSelector = DeviceSelector(self.ui.trainingDeviceComboBox, self.ui.trainingBackendLabel)
        self._refreshTimer = qt.QTimer()
        self._refreshTimer.setSingleShot(True)
        self._refreshTimer.setInterval(self.REFRESH_DELAY_MS)
        self._refreshTimer.connect("timeout()", self.refresh)
        self._fillChoices()
        self._connect()
        running = logic.session.activeJobs.get(logic.TASK)
        if running is not None:
            self._follow(running)

    def _fillChoices(self) -> None:
        ui, choices = self.ui, self.choices
        for text, key in choices.sources:
            ui.sourceComboBox.addItem(text, key)
        ui.folderEdit.toolTip = choices.folderToolTip
        lists = (
            (ui.architectureLabel, ui.architectureComboBox),
            (ui.configurationLabel, ui.configurationComboBox),
            (ui.foldLabel, ui.foldComboBox),
        )
        self._boxes = {}
        for index, (label, box) in enumerate(lists):
            isUsed = index < len(choices.choices)
            label.visible = box.visible = isUsed
            if isUsed:
                choice = choices.choices[index]
                label.text = choice.label
                box.toolTip = choice.toolTip
                box.accessibleName = choice.label.replace("&", "").rstrip(":")
                for text, key in choice.entries:
                    box.addItem(text, key)
                self._boxes[choice.setting] = box
        for key, (text, _settings) in choices.presets.items():
            ui.presetComboBox.addItem(text, key)
        ui.epochsSpinBox.value = self._preset["epochs"]
        settings = self.logic.session.settings
        ui.homeEdit.text = settings.text(f"{self.logic.SETTINGS}/Home", str(Path.home() / "MambaMed trainings"))
        ui.folderEdit.text = settings.text(f"{self.logic.SETTINGS}/Cases")

    def _connect(self) -> None:
        ui = self.ui
        for box in (ui.sourceComboBox, ui.architectureComboBox, ui.configurationComboBox, ui.foldComboBox):
            box.connect("currentIndexChanged(int)", lambda index: self.refreshSoon())
        ui.presetComboBox.connect("currentIndexChanged(int)", lambda index: self._showPreset())
        for edit in (ui.folderEdit, ui.homeEdit, ui.nameEdit):
            edit.connect("textChanged(QString)", lambda text: self.refreshSoon())
        ui.folderButton.connect("clicked(bool)", lambda checked=False: self._choose(ui.folderEdit))
        ui.homeButton.connect("clicked(bool)", lambda checked=False: self._choose(ui.homeEdit))
        ui.curvesButton.connect("clicked(bool)", lambda checked=False: self.showCurves())
        ui.resumeButton.connect("clicked(bool)", lambda checked=False: self.resume())
        ui.trainingsComboBox.connect("currentIndexChanged(int)", lambda index: self._enableResume())
        self.pairChoice.changed.connect(lambda names: self.refreshSoon())
        self.jobPanel.applyRequested.connect(self.start)

    # --- life ---
    def enter(self) -> None:
        """The module is shown: look for trainings that an earlier session left running."""
        if not self.jobPanel.isBusy:
            for training in self.logic.attachRunning():
                self._follow(training)
        self.refresh()

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; a training goes on."""
        self._refreshTimer.stop()
        self._letGo()
        self.jobPanel.detach()

    # --- doing ---
    def request(self) -> TrainingRequest:
        """Return the training that the section shows."""
        ui = self.ui
        settings = {
            **{name: str(box.currentData) for name, box in self._boxes.items()},
            "device": self.deviceSelector.current,
            **self._preset,
            "epochs": int(ui.epochsSpinBox.value),
        }
        source = str(ui.sourceComboBox.currentData)
        return TrainingRequest(
            name=str(ui.nameEdit.text),
            home=Path(str(ui.homeEdit.text)),
            pairs=tuple(self._chosenPairs()) if source == "scene" else (),
            folder=str(ui.folderEdit.text) if source == "folder" else "",
            settings=settings,
            source=source,
        )

    @property
    def _preset(self) -> dict[str, Any]:
        return dict(self.choices.presets[str(self.ui.presetComboBox.currentData)][1])

    def start(self) -> None:
        """Start the training that the section asks for (the Start button)."""
        if self.jobPanel.isBusy or not self._ensurePackages(self.jobPanel.showMessage):
            return
        request = self.request()
        try:
            training = self.logic.start(request)
        except Exception as error:
            _log.exception("A training could not be started")
            self.jobPanel.showMessage(str(error), isError=True)
            return
        settings = self.logic.session.settings
        settings.setText(f"{self.logic.SETTINGS}/Home", str(request.home))
        settings.setText(f"{self.logic.SETTINGS}/Cases", request.folder)
        self._follow(training)

    def resume(self) -> None:
        """Let the chosen earlier training go on (the Resume button)."""
        folder, _state = self._trainings[self.ui.trainingsComboBox.currentIndex]
        try:
            training = self.logic.resume(folder)
        except Exception as error:
            self.jobPanel.showMessage(str(error), isError=True)
            return
        self._follow(training)

    def showCurves(self) -> None:
        """Show the chart of the training that is or was followed."""
        if self.curves is not None:
            self.curves.show()

    def _follow(self, training: Any) -> None:
        self._letGo()
        self._values = {}
        self.curves = TrainingCurves(
            self.logic.scene,
            _("Training of {name}").format(name=training.folder.name),
            self.choices.metrics,
            self.choices.axis,
            self.choices.steps,
        )
        for name, value, step in self.logic.metrics(training.folder):
            self._onMetric(name, value, step)
        self._training = training
        training.metricReceived.connect(self._onMetric)
        self.jobPanel.follow(training)
        training.finished.connect(self._onFinished)  # after the panel's own, which then is no longer busy
        self.refresh()

    def _letGo(self) -> None:
        if self._training is not None:
            self._training.metricReceived.disconnect(self._onMetric)
            self._training.finished.disconnect(self._onFinished)
            self._training = None

    def _onMetric(self, name: str, value: float | None, step: int | None) -> None:
        if value is None or self.curves is None:
            return
        self._values[name] = float(value)
        self.curves.add(name, value, step)
        values = [self._values.get(metric, float("nan")) for metric in self.choices.metrics]
        self.ui.curvesLabel.text = self.choices.summary.format(*values, step=step or 0)
        self.ui.curvesButton.enabled = self.curves.chart is not None

    def _onFinished(self, training: Any) -> None:
        self._letGo()
        if training.model is not None:
            self.modelTrained.emit(str(training.model))
        self.refresh()

    # --- showing ---
    def refreshSoon(self) -> None:
        """Refresh when the present series of changes is over."""
        self._refreshTimer.start()

    def refresh(self) -> None:
        """Bring everything up to date with the scene, the folder and the known trainings."""
        self._refreshTimer.stop()
        ui = self.ui
        source = ui.sourceComboBox.currentData
        for widget in (ui.folderLabel, ui.folderEdit, ui.folderButton):
            widget.visible = source == "folder"
        for widget in (ui.pairsLabel, ui.pairsComboBox):
            widget.visible = source == "scene"
        if source == "scene":
            self._pairs = self.logic.pairs()
            self.pairChoice.setNames(self._titles(), self.pairChoice.checked)
        self._listTrainings()
        self._showProblems()

    def _showProblems(self) -> None:
        request = self.request()
        problems = self.logic.problems(request)
        shown = problems[:_SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(_("... and {count} more").format(count=len(problems) - len(shown)))
        self.ui.casesLabel.text = "\n".join(shown) if problems else self.logic.describe(request)
        self.jobPanel.setProblem("\n".join(shown), _("Start the training in a process of its own"))

    def _listTrainings(self) -> None:
        box = self.ui.trainingsComboBox
        found = self.logic.trainings()
        if found != self._trainings:
            self._trainings = found
            wasBlocked = box.blockSignals(True)
            box.clear()
            for folder, state in found:
                box.addItem(f"{folder.name} ({state})")
            box.blockSignals(wasBlocked)
        self._enableResume()

    def _enableResume(self) -> None:
        index = self.ui.trainingsComboBox.currentIndex
        state = self._trainings[index][1] if 0 <= index < len(self._trainings) else ""
        self.ui.resumeButton.enabled = state in ("cancelled", "failed") and not self.jobPanel.isBusy

    def _showPreset(self) -> None:
        self.ui.epochsSpinBox.value = self._preset["epochs"]
        self.refreshSoon()

    def _titles(self) -> list[str]:
        titles: list[str] = []
        for pair in self._pairs:
            title = pair.title
            titles.append(title if title not in titles else f"{title} [{len(titles) + 1}]")
        return titles

    def _chosenPairs(self) -> list[ScenePair]:
        checked = self.pairChoice.checked
        return [
            pair for pair, title in zip(self._pairs, self._titles(), strict=True) if not checked or title in checked
        ]

    def _choose(self, edit: Any) -> None:
        chosen = self.chooseFolder(str(edit.text))
        if chosen:
            edit.text = chosen

    def _askForFolder(self, start: str) -> str:
        return str(qt.QFileDialog.getExistingDirectory(self.widget, _("Choose a folder"), start) or "")
