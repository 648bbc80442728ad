"""Trainings whose cases the engine finds by itself: the panel only hands its settings on."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.TrainingLogic import TrainingLogic
from SlicerMambaMedLib.TrainingRequest import TrainingRequest

__all__ = ["SettingsTraining"]


class SettingsTraining(TrainingLogic):
    """As ``TrainingLogic``, for engines whose settings name the data and check themselves."""

    @abstractmethod
    def settingsOf(self, request: TrainingRequest) -> Any:
        """Return the engine's settings; a ValueError tells what is wrong with them.

        Without a folder the settings are still looked at; that it is missing is said by ``problemsOfCases``.
        """

    def problemsOfSettings(self, request: TrainingRequest, count: int) -> list[str]:
        """Return what is wrong with the settings."""
        try:
            self.settingsOf(request)
        except ValueError as error:
            return [str(error)]
        return []

    def engineSettings(self, request: TrainingRequest, folder: Path) -> tuple[dict[str, Any], list[str]]:
        """Return the engine's settings as JSON, and warnings."""
        return dict(self.settingsOf(request).to_json()), []
