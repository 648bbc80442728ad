"""Drives a module's panel as a user would, in the stand-in host under pytest and in Slicer itself under CTest.

A test case derives from ``ModuleTestCase`` and says which module it drives. In Slicer the modules are loaded already
(``--additional-module-paths``); under pytest the file is loaded into the stand-in host.
"""

from __future__ import annotations

import os
import sys
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["IN_SLICER", "REPOSITORY", "ModuleTestCase", "patience"]

REPOSITORY = Path(__file__).resolve().parents[2]

IN_SLICER = "pytest" not in sys.modules


def patience() -> float:
    """Return how many times as long as usual tests wait (``MAMBAMED_TEST_PATIENCE``)."""
    return float(os.environ.get("MAMBAMED_TEST_PATIENCE", "1"))


class SlicerModule:
    """A module of the running application, with the same ways in as the stand-in's ``LoadedModule``."""

    def __init__(self, name: str) -> None:
        import slicer

        self.name = name
        slicer.util.selectModule(name)

    @property
    def widget(self) -> Any:
        import slicer

        return slicer.util.getModuleWidget(self.name)

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def logic(self) -> Any:
        return self.widget.logic

    def find(self, objectName: str) -> Any:
        import slicer

        return slicer.util.findChild(self.widget.parent, objectName)

    def click(self, objectName: str) -> None:
        import slicer

        button = self.find(objectName)
        if not button.enabled:
            raise AssertionError(f"{objectName} is disabled ({button.toolTip})")
        button.click()
        slicer.app.processEvents()

    def enter(self) -> None:
        import slicer

        slicer.util.selectModule(self.name)

    def exit(self) -> None:
        import slicer

        slicer.util.selectModule("Data")

    def reload(self) -> None:
        self.widget.onReload()


class ModuleTestCase(unittest.TestCase):
    """Base of the tests that drive a panel."""

    MODULE = ""
    host: Any = None

    if not IN_SLICER:
        import pytest

        @pytest.fixture(autouse=True)
        def _giveHost(self, slicer_host: Any) -> None:
            self.host = slicer_host

    def setUp(self) -> None:
        import slicer

        slicer.mrmlScene.Clear(0)
        self.module = self.loadModule()

    def loadModule(self) -> Any:
        """Show the module and return it."""
        if IN_SLICER:
            return SlicerModule(self.MODULE)
        return self.host.load(REPOSITORY / self.MODULE / f"{self.MODULE}.py")

    def waitUntil(self, isTrue: Callable[[], Any], what: str, timeoutS: float = 60.0) -> Any:
        """Keep the application alive until something is true; ``MAMBAMED_TEST_PATIENCE=10`` waits ten times as long."""
        import slicer

        end = time.monotonic() + timeoutS * patience()
        while True:
            slicer.app.processEvents()
            value = isTrue()
            if value:
                return value
            if time.monotonic() > end:
                self.fail(f"not within {timeoutS} s: {what}")
            time.sleep(0.005)

    def forgetPrintedErrors(self) -> None:
        """Call after an error that the test has provoked and seen."""
        if not IN_SLICER:
            self.host.errors.clear()
