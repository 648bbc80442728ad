"""What MambaMed remembers between sessions, in Slicer's own settings file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import qt

__all__ = ["UserSettings"]


class UserSettings:
    """Typed access to the application settings below ``MambaMed/``.

    Args:
        store: object with Qt's ``value(key, default)``, ``setValue(key, value)`` and ``remove(key)``;
            the application's QSettings if not given.
    """

    PREFIX = "MambaMed/"

    def __init__(self, store: Any = None) -> None:
        self._store = store if store is not None else qt.QSettings()

    def text(self, key: str, default: str = "") -> str:
        """Return a stored text."""
        value = self._store.value(self.PREFIX + key, default)
        return default if value is None else str(value)

    def setText(self, key: str, value: str) -> None:
        """Store a text; an empty one removes the key."""
        if value:
            self._store.setValue(self.PREFIX + key, value)
        else:
            self._store.remove(self.PREFIX + key)

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a stored yes or no."""
        return self.text(key, "true" if default else "false").lower() in ("true", "1")

    def setFlag(self, key: str, value: bool) -> None:
        """Store a yes or no."""
        self._store.setValue(self.PREFIX + key, "true" if value else "false")

    def textList(self, key: str) -> list[str]:
        """Return a stored list of texts (kept as JSON: Qt turns a list of one into a plain text)."""
        try:
            value = json.loads(self.text(key, "[]"))
        except ValueError:
            return []
        return [str(item) for item in value] if isinstance(value, list) else []

    def setTextList(self, key: str, values: list[str]) -> None:
        """Store a list of texts."""
        self.setText(key, json.dumps(list(values)) if values else "")

    @property
    def interpreter(self) -> str:
        """Program that runs the engine; empty for Slicer's own Python."""
        return self.text("EngineInterpreter")

    @interpreter.setter
    def interpreter(self, value: str) -> None:
        self.setText("EngineInterpreter", value)

    @property
    def wheelFolder(self) -> str:
        """Folder with wheel files to install from without a network; empty for the package index."""
        return self.text("WheelFolder")

    @wheelFolder.setter
    def wheelFolder(self, value: str) -> None:
        self.setText("WheelFolder", value)

    @property
    def keepJobFolders(self) -> bool:
        """Whether the folders of finished jobs stay on disk, for finding errors."""
        return self.flag("KeepJobFolders")

    @keepJobFolders.setter
    def keepJobFolders(self, value: bool) -> None:
        self.setFlag("KeepJobFolders", value)

    @property
    def jobsFolder(self) -> Path:
        """Folder that holds the job directories: the one chosen by the user, else one in Slicer's temporary folder."""
        chosen = self.text("JobsFolder")
        if chosen:
            return Path(chosen)
        import slicer

        return Path(slicer.app.temporaryPath) / "MambaMedJobs"

    @jobsFolder.setter
    def jobsFolder(self, value: Path | str) -> None:
        self.setText("JobsFolder", str(value))
