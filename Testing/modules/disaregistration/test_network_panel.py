"""Deformable networks in the panel: listed with their card, run by the real engine process, refined on request."""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.registration.one_pass.fitted_network import shifting_model
from modules.task_panel_test_case import TaskPanelTestCase


class TestNetworks(TaskPanelTestCase):
    MODULE = "DISARegistration"
    TASK_LOGIC = "registration"
    SETTINGS = ("Registration/Preset", "Registration/Device")

    def setUp(self):
        super().setUp()
        import slicer
        from DISARegistrationLib.RegistrationSelfTest import addMovedCopy
        from DISARegistrationLib.RegistrationSelfTest import motionMatrix
        from SlicerMambaMedLib.SelfTest import addPhantomHead

        folder = Path(tempfile.mkdtemp(prefix="mambamed-network-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        model = str(shifting_model(folder / "model", (0.25, 0.0, 0.0)))
        models = self.module.logic.registration.models
        models.add(model)
        self.addCleanup(models.remove, model)
        self.method = f"network:{model}"
        self.module.reload()
        fixed = addPhantomHead(slicer.mrmlScene, "Head", spacingMm=(6.0, 7.0, 8.0))
        self.moving = addMovedCopy(fixed, motionMatrix(2.0, (3.0, -2.0, 2.0)))
        ui = self.module.ui
        ui.fixedSelector.setCurrentNode(fixed)
        ui.movingSelector.setCurrentNode(self.moving)
        self.choose(ui.presetComboBox, "same-modality")
        self.waitUntil(lambda: self.panel.request().settings.preset == "same-modality", "the preset")
        self.assertFalse(ui.refineCheckBox.enabled)
        self.choose(ui.methodComboBox, self.method)
        self.waitUntil(lambda: ui.refineCheckBox.enabled, "the choices of networks")

    def test_a_network_is_listed_with_its_card_and_deforms(self):
        ui = self.module.ui
        self.assertEqual(self.panel.request().settings.transform, "deformable")
        self.assertEqual(ui.methodComboBox.currentText, "Deformable network: Fitted to one pair")
        self.assertTrue(self.module.find("cardButton").enabled)
        self.choose(ui.searchComboBox, "none")
        ui.refineCheckBox.checked = True
        ui.iterationsSpinBox.value = 3
        self.waitUntil(lambda: self.panel.request().settings.refine, "the refinement")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        self.apply()
        self.assertIn("Done", self.message)
        transform, _inverse = self.results("vtkMRMLTransformNode")
        self.assertTrue(transform.IsA("vtkMRMLGridTransformNode"))
        self.assertIs(self.moving.GetParentTransformNode(), transform)
        rows = {row[0] for row in self.rows(ui.qualityTable)}
        self.assertLessEqual({"Similarity (mind-ssc)", "Folded voxels (%)", "Error of the inverse (mm)"}, rows)
        self.assertIn("the network shifting", ui.warningsLabel.text, "the head is unlike what it knows")
        self.module.click("undoButton")
        self.assertIsNone(self.moving.GetParentTransformNode())

    def test_other_transforms_and_models_that_are_gone_are_told(self):
        ui = self.module.ui
        self.choose(ui.transformComboBox, "rigid")
        self.waitUntil(lambda: "a deformable transform" in self.applyButton.toolTip, "the reason")
        shutil.rmtree(self.method.removeprefix("network:"))
        self.module.logic.registration.models.entries()
        self.choose(ui.transformComboBox, "deformable")
        self.waitUntil(lambda: "network cannot be used" in self.applyButton.toolTip, "the reason")
