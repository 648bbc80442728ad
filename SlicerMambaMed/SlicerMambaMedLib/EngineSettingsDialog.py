"""Dialog for the engine: another Python interpreter (checked before it is accepted), offline packages, job folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from SlicerMambaMedLib.EngineDoctor import EngineDoctor
from SlicerMambaMedLib.EngineInformation import EngineInformation
from SlicerMambaMedLib.EngineInterpreter import EngineInterpreter
from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.UserInterface import loadWidget

__all__ = ["EngineSettingsDialog"]


class EngineSettingsDialog:
    """Not modal: the check of an interpreter takes some seconds and Slicer stays usable.

    Args:
        session: ``Session``.
        processFactory: makes the process that checks an ``EngineInterpreter``; a ``PythonProcess`` if not given.
    """

    def __init__(self, session: Any, processFactory: Callable[[EngineInterpreter], Any] | None = None) -> None:
        self.changed = Signal()
        self._session = session
        if processFactory is None:
            from SlicerMambaMedLib.PythonProcess import PythonProcess

            processFactory = PythonProcess
        self._processFactory = processFactory
        self._doctor: EngineDoctor | None = None
        self.widget, self.ui = loadWidget("MambaMedEngineSettings")
        settings = session.settings
        self.ui.interpreterPathEdit.currentPath = settings.interpreter
        self.ui.wheelFolderEdit.currentPath = settings.wheelFolder
        self.ui.jobsFolderEdit.currentPath = settings.text("JobsFolder")
        self.ui.keepCheckBox.checked = settings.keepJobFolders
        self.ui.checkButton.connect("clicked(bool)", self._onCheck)
        self.ui.wheelFolderEdit.connect("currentPathChanged(QString)", self._onWheelFolder)
        self.ui.jobsFolderEdit.connect("currentPathChanged(QString)", self._onJobsFolder)
        self.ui.keepCheckBox.connect("toggled(bool)", self._onKeep)

    def show(self) -> None:
        """Show the dialog."""
        self.widget.show()
        self.widget.raise_()

    def _onCheck(self, checked: bool = False) -> None:
        program = str(self.ui.interpreterPathEdit.currentPath).strip()
        if self._session.runner.jobs:
            self._say(_("A job is running: wait for its end or cancel it, then change the interpreter."))
            return
        if program and not Path(program).is_file():
            self._say(_("There is no file {path}. Choose the python program itself.").format(path=program))
            return
        self._say(_("Checking..."))
        self.ui.checkButton.enabled = False
        self._doctor = EngineDoctor(lambda: self._processFactory(EngineInterpreter.fromSettings(program)))
        self._doctor.examined.connect(lambda information: self._onExamined(program, information))
        self._doctor.examine()

    def _onExamined(self, program: str, information: EngineInformation) -> None:
        self.ui.checkButton.enabled = True
        if information.problem:
            self._say(_("Not accepted. {reason}").format(reason=information.problem))
            return
        self._session.setInterpreter(program)
        lines = [_("Accepted: {program}").format(program=program or _("Slicer's own Python"))]
        lines += [f"- {device.label}: {', '.join(device.scanBackends)}" for device in information.devices]
        lines += [f"- {text}" for text in information.missing]
        self._say("\n".join(lines))
        self.changed.emit()

    def _say(self, text: str) -> None:
        self.ui.reportText.plainText = text

    def _onWheelFolder(self, path: str) -> None:
        self._session.settings.wheelFolder = path

    def _onJobsFolder(self, path: str) -> None:
        self._session.settings.jobsFolder = path

    def _onKeep(self, checked: bool) -> None:
        self._session.settings.keepJobFolders = checked
