"""Which Python runs the engine, and in which environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from SlicerMambaMedLib.Text import tr as _

__all__ = ["EngineInterpreter", "engineParentFolder"]


def engineParentFolder() -> Path:
    """Return the folder that holds the bundled ``mambamed`` package (the module's own folder)."""
    return Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class EngineInterpreter:
    """A Python program that runs ``python -m mambamed`` as a process of its own.

    Attributes:
        program: path of the program.
        isForeign: whether it is not Slicer's own Python but one that the user chose (a conda or virtual environment).
    """

    program: str
    isForeign: bool = False

    @classmethod
    def fromSettings(cls, chosenProgram: str) -> EngineInterpreter:
        """Return the interpreter that the user chose, or Slicer's own when the text is empty.

        Raises:
            RuntimeError: Slicer's Python cannot be found.
        """
        if chosenProgram:
            return cls(program=chosenProgram, isForeign=True)
        return cls(program=cls.slicerPython())

    @staticmethod
    def slicerPython() -> str:
        """Return the path of PythonSlicer, or of this process where it is a plain Python (scripts without the app).

        Raises:
            RuntimeError: neither exists.
        """
        program = shutil.which("PythonSlicer")
        if program:
            return program
        if Path(sys.executable).name.lower().startswith("python"):
            return sys.executable
        raise RuntimeError(
            _(
                "Slicer's own Python (PythonSlicer) was not found beside the application. "
                "Reinstall Slicer, or choose another Python interpreter in the settings of the engine."
            )
        )

    def environment(
        self, startupEnvironment: Mapping[str, str], currentEnvironment: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the environment of the engine process.

        Slicer's own Python starts from the current environment. A foreign one starts from the environment that Slicer
        was started in, since Slicer's libraries (``LD_LIBRARY_PATH``, ``PYTHONHOME``) would break it.

        Args:
            startupEnvironment: environment before Slicer's launcher changed it.
            currentEnvironment: environment of this process.
        """
        environment = dict(startupEnvironment if self.isForeign else currentEnvironment)
        if self.isForeign:
            environment.pop("PYTHONHOME", None)
            environment.pop("PYTHONPATH", None)
        inherited = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
        parent = str(engineParentFolder())
        environment["PYTHONPATH"] = os.pathsep.join([parent, *(part for part in inherited if part != parent)])
        environment["PYTHONUNBUFFERED"] = "1"
        environment["PYTHONIOENCODING"] = "utf-8"
        if not self.isForeign:
            environment["PYTHONNOUSERSITE"] = "1"
        return environment
