"""The models that can be chosen: those that come with the engine and those that the user added."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ModelEntry", "ModelList"]


@dataclass(frozen=True)
class ModelEntry:
    """A model as the panel needs it.

    Attributes:
        key: what a request names it: identifier of a bundled model, or path of a folder or zip file.
        card: ``mambamed.models.card.ModelCard``.
        folder: where it lies.
        isBundled: whether it comes with the engine.
    """

    key: str
    card: Any
    folder: Path
    isBundled: bool

    @property
    def title(self) -> str:
        """Name for a list."""
        return str(self.card.title or self.card.id)

    @property
    def channelNames(self) -> tuple[str, ...]:
        """Names of the input channels, in the model's order."""
        return tuple(str(channel.name) for channel in self.card.inputs)

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds that the model has."""
        return tuple(str(fold) for fold in self.card.folds)

    @property
    def labelNames(self) -> tuple[str, ...]:
        """Names of the labels that the model can find."""
        return tuple(str(label.name) for label in self.card.labels)


class ModelList:
    """Finds models by key and remembers those that the user added.

    Args:
        settings: ``UserSettings``.
        task: only models for this task are listed.
    """

    def __init__(self, settings: Any, task: str = "segmentation") -> None:
        self._settings = settings
        self._task = task
        self._settingsKey = f"Models/{task}"
        self._found: dict[str, ModelEntry] = {}

    def entries(self) -> list[ModelEntry]:
        """Read the lists anew; return the bundled models and then the user's that can still be read."""
        from mambamed.models.catalogue import list_models

        self._found.clear()
        found = [self._entry(model) for model in list_models() if model.card.task == self._task]
        for path in self._settings.textList(self._settingsKey):
            try:
                found.append(self.find(path))
            except Exception:
                continue
        return found

    def find(self, key: str) -> ModelEntry:
        """Return one model; what was found is kept until the next ``entries``, since a panel asks at every change.

        Raises:
            ValueError: there is no such model, or it cannot be read; the message says why.
        """
        from mambamed.models.catalogue import find_model

        if key not in self._found:
            self._found[key] = self._entry(find_model(key), key)
        return self._found[key]

    def add(self, path: str) -> ModelEntry:
        """Remember a model folder or zip file after checking that it can be read.

        Raises:
            ValueError: it is not a model.
        """
        entry = self.find(path)
        known = self._settings.textList(self._settingsKey)
        if path not in known:
            self._settings.setTextList(self._settingsKey, [*known, path])
        return entry

    def remove(self, path: str) -> None:
        """Forget a model that the user added; its files stay."""
        known = self._settings.textList(self._settingsKey)
        self._settings.setTextList(self._settingsKey, [other for other in known if other != path])

    def _entry(self, model: Any, key: str = "") -> ModelEntry:
        return ModelEntry(
            key=key or str(model.card.id), card=model.card, folder=Path(model.folder), isBundled=bool(model.is_bundled)
        )
