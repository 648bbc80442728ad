"""The severity models that can be chosen; local patterns have models of their own."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.ModelList import ModelEntry
from SlicerMambaMedLib.ModelList import ModelList
from SlicerMambaMedLib.Text import tr as _

__all__ = ["SeverityModelList"]

_CONFIGURATION = "severity.json"  # what a severity model has beside its card, and no other model


class SeverityModelList(ModelList):
    """Of the models for emphysema those that grade severity.

    Args:
        settings: ``UserSettings``.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings, "emphysema")

    def entries(self) -> list[ModelEntry]:
        """Return the bundled severity models and then the user's that can still be read."""
        return [entry for entry in super().entries() if _gradesSeverity(entry)]

    def find(self, key: str) -> ModelEntry:
        """Return one model.

        Raises:
            ValueError: there is no such model, it cannot be read, or it does not grade severity.
        """
        entry = super().find(key)
        if not _gradesSeverity(entry):
            text = _('The model "{name}" does not grade the severity of emphysema. Choose one that does.')
            raise ValueError(text.format(name=entry.title))
        return entry


def _gradesSeverity(entry: ModelEntry) -> bool:
    return (entry.folder / _CONFIGURATION).is_file()
