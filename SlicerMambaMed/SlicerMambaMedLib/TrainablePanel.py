"""Panels with a section in which the user trains further models."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from SlicerMambaMedLib.SceneLogic import SceneLogic
from SlicerMambaMedLib.TaskPanel import TaskPanel
from SlicerMambaMedLib.TrainingPanel import TrainingPanel

__all__ = ["TrainablePanel"]


class TrainablePanel(TaskPanel):
    """As ``TaskPanel``; the ``.ui`` file has ``trainingFrame`` in ``trainingCollapsibleButton`` besides.

    Args:
        ui: named widgets of the module's ``.ui`` file.
        logic: what does the work; its ``training`` is the ``TrainingLogic``.
    """

    def __init__(self, ui: Any, logic: SceneLogic) -> None:
        super().__init__(ui, logic)
        self.training = TrainingPanel(ui.trainingFrame, logic.training, self.status.ensureTrainingPackages)
        self.training.modelTrained.connect(self.chooseTrained)
        ui.trainingCollapsibleButton.connect("contentsCollapsed(bool)", self._onTrainingCollapsed)

    @abstractmethod
    def chooseTrained(self, path: str) -> None:
        """List a model that was just trained, and choose it."""

    def enter(self) -> None:
        """The module is shown: look at the engine, and for jobs and trainings that were left running."""
        super().enter()
        self.training.enter()

    def cleanup(self) -> None:
        """The module is reloaded or Slicer quits: let go of everything; jobs and trainings go on."""
        super().cleanup()
        self.training.cleanup()

    def _onEngineChanged(self) -> None:
        information = self.logic.session.doctor.information
        if information is not None:
            self.training.deviceSelector.setInformation(information)
        super()._onEngineChanged()

    def _onTrainingCollapsed(self, isCollapsed: bool) -> None:
        if not isCollapsed:
            self.training.refresh()
