"""The engine, the job runner and the settings that all modules of one Slicer session share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.EngineDoctor import EngineDoctor
from SlicerMambaMedLib.EngineInterpreter import EngineInterpreter
from SlicerMambaMedLib.EngineProcess import EngineProcess
from SlicerMambaMedLib.JobRunner import JobRunner
from SlicerMambaMedLib.PackageInstaller import PackageInstaller
from SlicerMambaMedLib.PythonProcess import PythonProcess
from SlicerMambaMedLib.UserSettings import UserSettings

__all__ = ["Session"]

TRAINING_REQUIREMENTS = Path(__file__).parent.parent / "Resources" / "MambaMedTrainingRequirements.txt"


class Session:
    """One warm engine for the whole application; made at first use, ended with the application.

    It outlives the reloading of a module (a running job goes on), which is why it is not part of any widget.

    Args:
        settings: what the user has chosen; the application's settings if not given.
    """

    _instance: Session | None = None

    def __init__(self, settings: UserSettings | None = None) -> None:
        self.settings = settings if settings is not None else UserSettings()
        self.engine = EngineProcess(lambda: PythonProcess(self.interpreter()))
        self.runner = JobRunner(self.engine, self.settings)
        self.doctor = EngineDoctor(lambda: PythonProcess(self.interpreter()))
        self.packages = PackageInstaller(self.settings)
        self.trainingPackages = PackageInstaller(self.settings, requirementsFile=TRAINING_REQUIREMENTS)
        self.activeJobs: dict[str, Any] = {}

    @classmethod
    def instance(cls) -> Session:
        """Return the application's session."""
        if cls._instance is None:
            cls._instance = cls()
            slicer.app.connect("aboutToQuit()", cls._instance.shutdown)
        return cls._instance

    def interpreter(self) -> EngineInterpreter:
        """Return the interpreter that runs the engine now.

        Raises:
            RuntimeError: there is none.
        """
        return EngineInterpreter.fromSettings(self.settings.interpreter)

    def setInterpreter(self, program: str) -> None:
        """Use another interpreter from the next job on; an empty text stands for Slicer's own.

        The engine that runs now is ended; call this only while no job runs.
        """
        self.settings.interpreter = program
        self.engine.shutdown(waitMilliseconds=500)
        self.doctor.forget()

    def missingPackages(self) -> list[Any]:
        """Return the packages that Slicer's Python lacks; an interpreter of the user's own is judged by ``doctor``."""
        return [] if self.settings.interpreter else self.packages.missing()

    def setActive(self, task: str, job: Any) -> None:
        """Remember the job that a module's panel follows, so that a panel made anew finds it again."""
        self.activeJobs[task] = job
        job.finished.connect(
            lambda ended: self.activeJobs.pop(task, None) if self.activeJobs.get(task) is ended else None
        )

    def shutdown(self) -> None:
        """End the engine; called when the application quits."""
        self.runner.shutdown()
