"""The Training part of OrientedDetection's panel, driven as a user would, with the real engine and tiny pictures.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import signal
import sys
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.module_driver import IN_SLICER
from modules.training_panel_test_case import TrainingPanelTestCase
from modules.training_panel_test_case import hold_after_first_value
from modules.training_panel_test_case import send_to_all

SIDE = 64
TINY = {"width": 0.125, "feature_channels": 8, "tile_px": SIDE, "overlap_px": 16, "epochs": 8, "batch_size": 1}
TINY_PICTURES = {"synthetic_images": 4, "synthetic_test_images": 2, "synthetic_size_px": SIDE, "threads": 1}


class TestTraining(TrainingPanelTestCase):
    MODULE = "OrientedDetection"
    SETTINGS = "DetectionTraining"
    MODEL_SETTINGS = ("Models/detection", "Detection/Model", "Detection/Device")

    def setUp(self):
        if IN_SLICER:
            self.loadModule()  # which brings the engine's folder
        from mambamed.detection.training.settings import PRESETS

        small = mock.patch.dict(PRESETS["cpu"], {**TINY, **TINY_PICTURES})
        small.start()
        self.addCleanup(small.stop)
        super().setUp()
        self.choose(self.ui.presetComboBox, "cpu")

    def writeImages(self, count=5):
        """Write a folder of pictures with annotations in DOTA's form."""
        from mambamed.detection.synthetic import SyntheticSettings
        from mambamed.detection.synthetic import write_data_set

        folder = self.home / "pictures"
        write_data_set(folder, SyntheticSettings(domain="aerial", size=(SIDE, SIDE)), "train", count)
        return folder

    def test_what_is_missing_is_said_before_the_start(self):
        self.choose(self.ui.sourceComboBox, "folder")
        self.ui.folderEdit.text = ""
        self.waitUntil(lambda: "Choose a folder of images" in self.ui.casesLabel.text, "the problem")
        self.assertFalse(self.trainButton.enabled)
        self.ui.folderEdit.text = str(self.home / "nothing here")
        self.waitUntil(lambda: "does not exist" in self.ui.casesLabel.text, "the next problem")
        self.choose(self.ui.sourceComboBox, "synthetic-ct")
        self.ui.nameEdit.text = "Needles"
        self.waitUntil(lambda: "4 synthetic pictures of 64 x 64" in self.ui.casesLabel.text, "what it learns from")
        self.assertTrue(self.trainButton.enabled)

    def test_training_is_stopped_resumed_to_its_end_and_its_model_finds_boxes(self):
        self.choose(self.ui.sourceComboBox, "folder")
        self.ui.folderEdit.text = str(self.writeImages())
        self.ui.nameEdit.text = "Ships from above"
        self.ui.epochsSpinBox.value = TINY["epochs"]
        training = self.start()
        self.assertTrue(training.folder.name.startswith("ShipsFromAbove-"))
        process = hold_after_first_value(training.folder)
        self.addCleanup(send_to_all, process, signal.SIGCONT)
        self.waitUntil(lambda: self.section.curves.epochs, "the first value in the panel")
        self.module.click("trainButton")  # which is Stop now
        send_to_all(process, signal.SIGCONT)
        self.waitForTheEnd()
        self.assertIn("can go on from there", self.message)
        self.assertIn("(cancelled)", self.ui.trainingsComboBox.currentText)
        self.module.click("resumeButton")
        self.waitForTheEnd()
        self.assertDone()
        steps = self.section.curves.epochs
        self.assertEqual(steps, list(range(0, 4 * TINY["epochs"], 20)))  # four of five pictures, one at a time
        table = self.assertCurvesAreShown(2)
        losses = [table.GetValueByName(row, "class loss").ToDouble() for row in range(len(steps))]
        self.assertEqual(losses, self.section.curves.values("class loss"))
        self.assertTrue(np.isfinite(losses).all())
        self.assertModelFindsBoxes(training.folder)

    def assertModelFindsBoxes(self, folder):
        """The model is chosen, its card tells where it is from, and Apply with it ends with a result."""
        import slicer

        entry = self.module.widget.panel.modelSelector.current
        self.assertEqual(Path(entry.key), folder / "outputs" / "model" / "oriented-detector")
        self.assertEqual([label.name for label in entry.card.labels], ["ship", "vehicle"])
        self.assertIn("4 images", entry.card.training_data)
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Picture")
        voxels = np.random.default_rng(1).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
        slicer.util.updateVolumeFromArray(volume, voxels)
        ui = self.module.ui
        ui.inputSelector.setCurrentNode(volume)
        ui.lowestScoreSpinBox.value = 0.01
        self.waitUntil(lambda: self.module.find("applyButton").enabled, "Apply enabled")
        self.module.click("applyButton")
        panel = self.module.widget.panel.jobPanel
        self.waitUntil(lambda: not panel.isBusy, "the detection", 300)
        record = self.module.widget.panel._parameters.record
        self.assertIsNotNone(record, panel.message)
        self.assertGreater(ui.detectionsTable.rowCount, 0, panel.message)
