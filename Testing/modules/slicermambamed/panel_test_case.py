"""What the tests of the panel share: a scene with a volume, a tiny model chosen, and what a user sees and does."""

import shutil
import tempfile
from pathlib import Path

from modules.module_driver import ModuleTestCase
from modules.tiny_model import write_tiny_model


class PanelTestCase(ModuleTestCase):
    """A panel with a volume and a tiny model chosen."""

    MODULE = "SlicerMambaMed"

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

        self.jobs = Path(tempfile.mkdtemp(prefix="mambamed-jobs-"))
        self.addCleanup(shutil.rmtree, self.jobs, ignore_errors=True)
        settings = self.session.settings
        for key in ("JobsFolder", "Models/segmentation", "Segmentation/Model", "Segmentation/Device"):
            self.addCleanup(settings.setText, key, settings.text(key))  # in Slicer these are the user's own
        settings.jobsFolder = self.jobs
        self.volume = addPhantomHead(slicer.mrmlScene, "Head", spacingMm=(5.0, 6.0, 7.0))
        self.chooseModel(self.tinyModel)
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")

    # --- what a user sees and does ---
    @property
    def panel(self):
        return self.module.widget.panel

    @property
    def session(self):
        return self.module.logic.segmentation.session

    @property
    def applyButton(self):
        return self.module.find("applyButton")

    @property
    def message(self):
        return self.panel.jobPanel.message

    def chooseModel(self, path):
        self.panel.modelSelector.chooseFolder = lambda: path
        self.panel.modelSelector.addFromFolder()

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

    def apply(self):
        self.module.click("applyButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the job", 180)

    def results(self, className="vtkMRMLSegmentationNode"):
        import slicer

        nodes = slicer.util.getNodesByClass(className)
        return [node for node in nodes if not node.GetHideFromEditors()]

    def assertSceneIsAsBefore(self):
        self.assertEqual(self.results(), [])
        self.assertEqual(self.results("vtkMRMLTableNode"), [])
        self.assertEqual(self.results("vtkMRMLTextNode"), [])
        self.assertEqual(list(self.jobs.glob("*")), [], "job folders are left")
