"""What the tests of the panel share: a scene with a volume, a tiny model chosen, and what a user sees and does."""

import shutil
import tempfile
from pathlib import Path

from modules.task_panel_test_case import TaskPanelTestCase
from modules.tiny_model import write_tiny_model


class PanelTestCase(TaskPanelTestCase):
    """A panel with a volume and a tiny model chosen."""

    MODULE = "SlicerMambaMed"
    TASK_LOGIC = "segmentation"
    SETTINGS = ("Models/segmentation", "Segmentation/Model", "Segmentation/Device")

    @classmethod
    def setUpClass(cls):
        cls.models = Path(tempfile.mkdtemp(prefix="mambamed-test-"))
        cls.tinyModel = str(write_tiny_model(cls.models / "tiny", folds=("0", "1")))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.models, ignore_errors=True)

    def setUp(self):
        super().setUp()
        import slicer
        from SlicerMambaMedLib.SelfTest import addPhantomHead

        self.volume = addPhantomHead(slicer.mrmlScene, "Head", spacingMm=(5.0, 6.0, 7.0))
        self.chooseModel(self.tinyModel)
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")

    # --- what a user sees and does ---
    def makeSlow(self):
        """Let the next run take long enough to be interrupted."""
        self.module.ui.stepSizeSlider.value = 0.1
        self.module.ui.mirroringCheckBox.checked = True

    def startAndWaitForProgress(self):
        self.makeSlow()
        self.module.click("applyButton")
        job = self.panel.jobPanel.job
        self.waitUntil(lambda: 0.02 < job.fraction < 1, "progress", 120)
        return job
