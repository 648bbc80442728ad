"""The Training part of DISARegistration's panel, driven as a user would, with the real engine and tiny volumes.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import sys
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import SimpleITK as sitk
from modules.module_driver import IN_SLICER
from modules.training_panel_test_case import TrainingPanelTestCase

SHAPE = (16, 24, 16)
TINY = {
    "epochs": 2,
    "grid_shape": SHAPE,
    "spacing_mm": 3.0,
    "iterations": 2,
    "validation_pairs": 1,
    "affine": False,
    "precision": "float32",
    "threads": 1,
    "arguments": {"embed_dim": 8, "depths": [1, 1, 1], "feature_channels": 4, "downsize": 2},
}


class TestTraining(TrainingPanelTestCase):
    MODULE = "DISARegistration"
    SETTINGS = "RegistrationTraining"
    MODEL_SETTINGS = ("Models/registration", "Registration/Preset", "Registration/Device")

    def setUp(self):
        if IN_SLICER:
            self.loadModule()  # which brings the engine's folder
        from DISARegistrationLib import RegistrationTraining

        small = mock.patch.dict(RegistrationTraining.PRESETS, {"small": TINY})
        small.start()
        self.addCleanup(small.stop)
        super().setUp()
        self.choose(self.ui.presetComboBox, "small")

    def writeImages(self, count):
        """Write images of one anatomy in some persons, with label maps of the same names."""
        folder = self.home / "persons"
        for name in ("images", "labels"):
            (folder / name).mkdir(parents=True)
        z, y, x = np.meshgrid(*(np.arange(float(size)) for size in SHAPE[::-1]), indexing="ij")
        for number in range(count):
            ball = (x - 8.0 - 0.5 * number) ** 2 + (0.7 * (y - 12.0)) ** 2 + (z - 8.0 + 0.3 * number) ** 2 < 30.0
            image = 100.0 * ball + np.random.default_rng(number).normal(0.0, 3.0, ball.shape)
            for name, values in (("images", image.astype(np.float32)), ("labels", ball.astype(np.uint8))):
                written = sitk.GetImageFromArray(values)
                written.SetSpacing((3.0, 3.0, 3.0))
                sitk.WriteImage(written, str(folder / name / f"person{number}.nii.gz"))
        return folder

    def test_what_is_missing_is_said_before_the_start(self):
        self.choose(self.ui.sourceComboBox, "folder")
        self.ui.folderEdit.text = ""
        self.waitUntil(lambda: "Choose a folder of images" in self.ui.casesLabel.text, "the problem")
        self.assertFalse(self.trainButton.enabled)
        self.ui.folderEdit.text = str(self.home)
        self.waitUntil(lambda: "has no folder images" in self.ui.casesLabel.text, "the next problem")
        self.ui.folderEdit.text = str(self.writeImages(1))
        self.waitUntil(lambda: "holds 1 files" in self.ui.casesLabel.text, "the last problem")
        self.choose(self.ui.sourceComboBox, "vmambamorph-brain")
        self.ui.nameEdit.text = "Heads"
        self.waitUntil(lambda: "synthetic heads" in self.ui.casesLabel.text, "what it learns from")
        self.assertTrue(self.trainButton.enabled)
        self.choose(self.ui.sourceComboBox, "shapes")
        self.waitUntil(lambda: "Random shapes" in self.ui.casesLabel.text, "what else it learns from")
        request = self.section.request()
        settings, _warnings = self.logic.engineSettings(request, self.home)
        self.assertTrue(settings["shapes"])
        self.assertTrue(settings["arguments"]["self_similarity"])
        self.choose(self.ui.architectureComboBox, "voxelmorph_feat")
        settings, _warnings = self.logic.engineSettings(self.section.request(), self.home)
        self.assertEqual(settings["arguments"], {})

    def test_a_network_is_trained_on_a_folder_and_then_chosen(self):
        self.choose(self.ui.sourceComboBox, "folder")
        self.ui.folderEdit.text = str(self.writeImages(4))
        self.ui.nameEdit.text = "Balls"
        training = self.start()
        self.waitForTheEnd()
        self.assertDone()
        self.assertEqual(self.section.curves.epochs, [0, 1])
        table = self.assertCurvesAreShown(2)
        dice = [table.GetValueByName(row, "training: dice").ToDouble() for row in range(2)]
        self.assertEqual(dice, self.section.curves.values("training: dice"))
        self.assertTrue(all(0.0 < value <= 1.0 for value in dice))
        panel = self.module.widget.panel
        method = panel._parameters.method
        self.assertTrue(method.startswith(f"network:{training.folder}"), method)
        self.assertEqual(panel._parameters.transformModel, "deformable")
        self.assertTrue(self.module.ui.methodComboBox.currentText.startswith("Deformable network: "))
        self.assertTrue(self.module.ui.cardButton.enabled)
        self.assertIn("folder of the user", panel.methods.cardOf(method).card.training_data)
