"""The panel of EmphysemaXAI, driven as a user would, with the real engine process and a small phantom.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from modules.module_driver import ModuleTestCase


class EmphysemaPanelTestCase(ModuleTestCase):
    """A panel with a phantom chosen, and density alone computed."""

    MODULE = "EmphysemaXAI"

    def setUp(self):
        super().setUp()
        import slicer
        from EmphysemaXAILib.SelfTest import addPhantomChest

        self.jobs = Path(tempfile.mkdtemp(prefix="mambamed-jobs-"))
        self.addCleanup(shutil.rmtree, self.jobs, ignore_errors=True)
        settings = self.session.settings
        for key in ("JobsFolder", "Models/emphysema", "Emphysema/Model", "Emphysema/Device"):
            self.addCleanup(settings.setText, key, settings.text(key))  # in Slicer these are the user's own
        settings.jobsFolder = self.jobs
        self.volume = addPhantomChest(slicer.mrmlScene, "Chest", spacingMm=(5.0, 5.5, 6.0))
        for name in ("patterns", "severity", "explanations"):
            self.module.find(f"{name}CheckBox").checked = False
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")

    # --- what a user sees and does ---
    @property
    def panel(self):
        return self.module.widget.panel

    @property
    def session(self):
        return self.module.logic.emphysema.session

    @property
    def applyButton(self):
        return self.module.find("applyButton")

    @property
    def message(self):
        return self.panel.jobPanel.message

    def apply(self):
        self.module.click("applyButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the job", 180)

    def results(self, className="vtkMRMLSegmentationNode"):
        import slicer

        nodes = slicer.util.getNodesByClass(className)
        return [node for node in nodes if not node.GetHideFromEditors()]

    def assertSceneIsAsBefore(self):
        for className in ("Segmentation", "Table", "Text", "PlotChart", "PlotSeries"):
            self.assertEqual(self.results(f"vtkMRML{className}Node"), [])
        self.assertEqual(list(self.jobs.glob("*")), [], "job folders are left")

    def rows(self, table):
        return [
            [table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)
        ]


class TestEmptyPanel(EmphysemaPanelTestCase):
    def test_apply_says_what_is_missing(self):
        import slicer

        self.module.ui.inputSelector.setCurrentNode(None)
        self.waitUntil(lambda: not self.applyButton.enabled, "Apply disabled")
        self.assertEqual(self.applyButton.toolTip, "Choose a chest CT.")
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.module.ui.previousSelector.setCurrentNode(self.volume)
        self.waitUntil(lambda: "same volume" in self.applyButton.toolTip, "the reason")
        self.module.ui.previousSelector.setCurrentNode(None)
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
        self.module.ui.lungsSelector.setCurrentNode(empty)
        self.waitUntil(lambda: '"Empty" has no segment' in self.applyButton.toolTip, "the reason")
        self.assertFalse(self.module.ui.reportButton.enabled)
        self.assertIn("Apply first", self.module.ui.reportButton.toolTip)

    def test_a_number_that_is_none_is_named(self):
        self.module.ui.thicknessEdit.text = "thin"
        self.waitUntil(lambda: "slice thickness is given as thin" in self.applyButton.toolTip, "the reason")
        self.module.ui.thicknessEdit.text = "1,25"
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        self.assertEqual(self.panel.request().settings.acquisition.slice_thickness_mm, 1.25)


del EmphysemaPanelTestCase
