"""What the tests of the Training part of all panels share: its folder, its settings as they were, a held process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from modules.module_driver import ModuleTestCase
from modules.module_driver import patience

__all__ = ["TrainingPanelTestCase", "children_of", "hold_after_first_value", "send_to_all"]


class TrainingPanelTestCase(ModuleTestCase):
    """A panel with its Training part open, and a folder of its own for the trainings."""

    SETTINGS = "Training"
    """First part of the names of what the trainings remember."""
    MODEL_SETTINGS: tuple[str, ...] = ()
    """Names of the settings of models that the tests change."""

    def setUp(self) -> None:
        super().setUp()
        self.home = Path(tempfile.mkdtemp(prefix="mambamed-training-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        settings = self.logic.session.settings
        for key in (*(f"{self.SETTINGS}/{name}" for name in ("Home", "Cases", "Folders")), *self.MODEL_SETTINGS):
            self.addCleanup(settings.setText, key, settings.text(key))  # in Slicer these are the user's own
        settings.setText(f"{self.SETTINGS}/Folders", "")
        self.module.ui.trainingCollapsibleButton.collapsed = False
        self.ui.homeEdit.text = str(self.home)

    # --- what a user sees and does ---
    @property
    def section(self) -> Any:
        return self.module.widget.panel.training

    @property
    def ui(self) -> Any:
        return self.section.ui

    @property
    def logic(self) -> Any:
        """The module's ``TrainingLogic``."""
        return self.section.logic

    @property
    def message(self) -> str:
        return self.section.jobPanel.message

    @property
    def trainButton(self) -> Any:
        return self.module.find("trainButton")

    def choose(self, comboBox: Any, data: str) -> None:
        comboBox.setCurrentIndex(comboBox.findData(data))

    def start(self) -> Any:
        """Click on Start and return the training."""
        self.waitUntil(lambda: self.trainButton.enabled, "Start enabled")
        self.module.click("trainButton")
        self.assertEqual(self.trainButton.text, "Stop", self.message)
        return self.section.jobPanel.job

    def waitForTheEnd(self, timeoutS: float = 600.0) -> None:
        self.waitUntil(lambda: not self.section.jobPanel.isBusy, "the end", timeoutS)

    def assertDone(self) -> None:
        self.assertIn("Done", self.message, self.section.jobPanel.ui.detailsText.plainText)

    def assertCurvesAreShown(self, series: int) -> Any:
        """Click on Show curves; return the table of the chart that the layout then shows."""
        import slicer

        self.module.click("curvesButton")
        chart = self.section.curves.chart
        self.assertEqual(slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID(), chart.GetID())
        self.assertEqual(chart.GetNumberOfPlotSeriesNodes(), series)
        return chart.GetNthPlotSeriesNode(0).GetTableNode().GetTable()


def children_of(pid: int) -> list[int]:
    """Process numbers of the children (Linux)."""
    with contextlib.suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
    return []


def send_to_all(pid: int, number: int) -> None:
    """Send a signal to a process and all that it has started; a held one starts no more."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    for child in children_of(pid):
        send_to_all(child, number)


def hold_after_first_value(folder: Path, limitS: float = 500.0) -> int:
    """Let a training go on in short steps until it has told of a value, and hold it: it cannot end unseen.

    Returns its process number.
    """
    from mambamed.jobs.directory import JobDirectory

    job = JobDirectory(folder)
    end = time.monotonic() + limitS * patience()
    while (process := job.status().process) is None:
        assert time.monotonic() < end, "no process"
        time.sleep(0.05)
    while not any(event["kind"] == "metric" for event in job.events()):
        if time.monotonic() > end:
            send_to_all(process.pid, signal.SIGKILL)
            raise AssertionError("no value")
        send_to_all(process.pid, signal.SIGCONT)
        time.sleep(0.05)
        send_to_all(process.pid, signal.SIGSTOP)
    return int(process.pid)
