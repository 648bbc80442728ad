"""Keeps the status line true: packages, engine examination, settings dialog; the same in all modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.StatusLine import StatusLine

__all__ = ["EngineStatus"]


class EngineStatus:
    """Looks at the engine when a module is entered, and mends what is missing when asked.

    Args:
        frame: widget with a layout that takes the status line.
        session: ``Session``.
    """

    def __init__(self, frame: Any, session: Any) -> None:
        self.changed = Signal()
        self.line = StatusLine(frame)
        self._session = session
        self._device = "auto"
        self._dialog: Any = None
        self.line.mendRequested.connect(self._mend)
        self.line.settingsRequested.connect(self.openSettings)
        session.doctor.examined.connect(self._onExamined)

    def cleanup(self) -> None:
        """Let go of the session, which lives on."""
        self._session.doctor.examined.disconnect(self._onExamined)
        if self._dialog is not None:
            self._dialog.widget.close()
            self._dialog = None

    def check(self) -> None:
        """Look for missing packages; if there are none, have the engine examined in the background, once."""
        missing = self._session.missingPackages()
        if missing:
            self._showMissing(missing)
        elif self._session.doctor.information is None:
            self.line.showChecking()
            self._session.doctor.examine()
        else:
            self.changed.emit()

    def show(self, deviceIdentifier: str) -> None:
        """Show the outcome of the last examination for this device."""
        self._device = deviceIdentifier
        information = self._session.doctor.information
        if information is None:
            return
        if information.problem:
            self.line.showMissing(information.problem, _("Check again"))
        else:
            interpreter = self._session.settings.interpreter
            self.line.showReady(
                information, deviceIdentifier, Path(interpreter).parent.parent.name if interpreter else ""
            )

    def ensurePackages(self, say: Callable[..., None]) -> bool:
        """Have missing packages installed after one question; return whether everything is there.

        Args:
            say: shows a sentence to the user: ``say(text, isError=...)``.
        """
        missing = self._session.missingPackages()
        if not missing:
            return True
        try:
            isComplete = self._session.packages.install()
        except Exception as error:
            self._showMissing(missing)
            say(str(error), isError=True)
            return False
        if not isComplete:
            self._showMissing(missing)
            say(_("Nothing was started: the packages that the engine needs were not installed."), isError=False)
            return False
        self._session.doctor.forget()
        self.check()
        return True

    def ensureTrainingPackages(self, say: Callable[..., None]) -> bool:
        """As ``ensurePackages``, with the packages that a training needs besides."""
        if not self.ensurePackages(say):
            return False
        if self._session.settings.interpreter or not self._session.trainingPackages.missing():
            return True
        try:
            isComplete = self._session.trainingPackages.install()
        except Exception as error:
            say(str(error), isError=True)
            return False
        if not isComplete:
            say(_("Nothing was started: the packages that a training needs were not installed."), isError=False)
        return isComplete

    def openSettings(self) -> None:
        """Show the dialog for the engine."""
        from SlicerMambaMedLib.EngineSettingsDialog import EngineSettingsDialog

        self._dialog = EngineSettingsDialog(self._session)
        self._dialog.changed.connect(self.check)
        self._dialog.show()

    def _mend(self) -> None:
        if self._session.missingPackages():
            self.ensurePackages(lambda text, isError=False: self.line.showMissing(text, _("Install...")))
        else:
            self._session.doctor.forget()
            self.check()

    def _showMissing(self, missing: list[Any]) -> None:
        names = ", ".join(package.name for package in missing[:3]) + (", ..." if len(missing) > 3 else "")
        text = _("The engine needs Python packages that are missing: {names}.").format(names=names)
        self.line.showMissing(text, _("Install..."))

    def _onExamined(self, information: Any) -> None:
        self.show(self._device)
        self.changed.emit()
