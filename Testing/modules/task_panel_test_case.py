"""What the tests of all panels share: a folder for the jobs, the settings as they were, what a user sees and does."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from modules.module_driver import ModuleTestCase

__all__ = ["TaskPanelTestCase"]


class TaskPanelTestCase(ModuleTestCase):
    """A module's panel with a jobs folder of its own."""

    TASK_LOGIC = ""
    """Attribute of the module's logic that does the panel's work."""
    SETTINGS: tuple[str, ...] = ()
    """Names of further settings that the tests change; in Slicer these are the user's own."""
    RESULTS: tuple[str, ...] = ("vtkMRMLSegmentationNode", "vtkMRMLTableNode", "vtkMRMLTextNode")
    """Classes of nodes that only a result brings into the scene."""

    def setUp(self) -> None:
        super().setUp()
        self.jobs = Path(tempfile.mkdtemp(prefix="mambamed-jobs-"))
        self.addCleanup(shutil.rmtree, self.jobs, ignore_errors=True)
        settings = self.session.settings
        for key in ("JobsFolder", *self.SETTINGS):
            self.addCleanup(settings.setText, key, settings.text(key))
        settings.jobsFolder = self.jobs

    # --- what a user sees and does ---
    @property
    def panel(self) -> Any:
        return self.module.widget.panel

    @property
    def session(self) -> Any:
        return getattr(self.module.logic, self.TASK_LOGIC).session

    @property
    def applyButton(self) -> Any:
        return self.module.find("applyButton")

    @property
    def message(self) -> str:
        return self.panel.jobPanel.message

    def choose(self, comboBox: Any, key: str) -> None:
        """Choose an entry of a combo box by its key."""
        index = comboBox.findData(key)
        self.assertGreaterEqual(index, 0, f"{key} cannot be chosen")
        comboBox.setCurrentIndex(index)

    def chooseModel(self, path: str) -> None:
        """Add a model folder, which chooses it."""
        self.panel.modelSelector.chooseFolder = lambda: path
        self.panel.modelSelector.addFromFolder()

    def waitForTheEnd(self, what: str = "the end of the job") -> None:
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, what, 180)

    def apply(self) -> None:
        self.module.click("applyButton")
        self.waitForTheEnd()

    def results(self, className: str = "vtkMRMLSegmentationNode") -> list[Any]:
        """Return the nodes of a class that a user sees."""
        import slicer

        nodes = slicer.util.getNodesByClass(className)
        return [node for node in nodes if not node.GetHideFromEditors()]

    def rows(self, table: Any) -> list[list[str]]:
        """Return the texts of a table of the panel."""
        columns = range(table.columnCount)
        return [[table.item(row, column).text() for column in columns] for row in range(table.rowCount)]

    # --- what must hold ---
    def assertSceneIsAsBefore(self) -> None:
        for className in self.RESULTS:
            self.assertEqual(self.results(className), [])
        self.assertEqual(list(self.jobs.glob("*")), [], "job folders are left")

    def assertTabGoesThrough(self, names: list[str]) -> None:
        """Tab goes from the first of these widgets to the others in this order."""
        order: list[str] = []
        first = widget = self.module.find(names[0])
        while True:
            owner = widget  # what takes the focus may lie inside the widget with the name
            while owner is not None and owner.objectName not in names:
                owner = owner.parent()
            if owner is not None and owner.objectName not in order:
                order.append(owner.objectName)
            widget = widget.nextInFocusChain()
            if widget is first:
                break
        self.assertEqual(order, names)
