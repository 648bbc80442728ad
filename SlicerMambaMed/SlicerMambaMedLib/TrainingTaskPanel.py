"""Panels whose models the user can also train, in a section of their own."""

from __future__ import annotations

from SlicerMambaMedLib.ModelTaskPanel import ModelTaskPanel
from SlicerMambaMedLib.TrainablePanel import TrainablePanel

__all__ = ["TrainingTaskPanel"]


class TrainingTaskPanel(TrainablePanel, ModelTaskPanel):
    """As ``ModelTaskPanel``, with a ``TrainablePanel``."""

    def chooseTrained(self, path: str) -> None:
        """List a model that was just trained, and choose it."""
        self.modelSelector.refresh(path)
        self._store("model", path)
