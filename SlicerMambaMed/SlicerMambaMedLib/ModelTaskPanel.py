"""Panels whose task is done by a model that the user chooses."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.ModelSelector import ModelSelector
from SlicerMambaMedLib.SceneLogic import SceneLogic
from SlicerMambaMedLib.TaskPanel import TaskPanel

__all__ = ["ModelTaskPanel"]


class ModelTaskPanel(TaskPanel):
    """As ``TaskPanel``; the ``.ui`` file has ``modelFrame`` and ``modelLabel`` besides, the parameter node ``model``.

    Args:
        ui: named widgets of the module's ``.ui`` file.
        logic: what does the work.
    """

    def __init__(self, ui: Any, logic: SceneLogic) -> None:
        self.modelSelector = ModelSelector(ui.modelFrame, logic.models)
        ui.modelLabel.setBuddy(self.modelSelector.comboBox)
        super().__init__(ui, logic)
        self.modelSelector.changed.connect(lambda key: self._store("model", key))
        self.modelSelector.failed.connect(lambda message: self.jobPanel.showMessage(message, isError=True))

    def chosenModel(self, request: Any) -> str:
        """Return the model of a request."""
        return str(request.settings.model)

    def completeNew(self) -> None:
        """Fill a new parameter node further, after its model and device."""

    def forgetModelChoices(self) -> None:
        """Empty the parameters that belong to a model: another one is about to be chosen."""

    def refresh(self) -> None:
        """Bring everything that depends on the parameter node up to date."""
        if self._parameters is not None:
            self.modelSelector.setCurrentKey(self._parameters.model)
        super().refresh()

    def remember(self, request: Any) -> None:
        """Store model and device for the next new parameter node."""
        settings = self.logic.session.settings
        settings.setText(f"{self.SETTINGS}/Model", self.chosenModel(request))
        settings.setText(f"{self.SETTINGS}/Device", request.settings.device)

    def restore(self) -> None:
        """Give a new parameter node the model and device of the last run; one from a scene keeps its own."""
        if not self._parameters.model:
            settings = self.logic.session.settings
            self.modelSelector.refresh(settings.text(f"{self.SETTINGS}/Model"))
            self._parameters.model = self.modelSelector.currentKey
            self._parameters.device = settings.text(f"{self.SETTINGS}/Device", "auto")
            self.completeNew()

    def _store(self, name: str, value: Any) -> None:
        if name == "model" and self._parameters is not None and value != self._parameters.model:
            self.forgetModelChoices()
        super()._store(name, value)
