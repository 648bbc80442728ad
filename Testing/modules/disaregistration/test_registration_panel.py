"""The panel of DISARegistration, driven as a user would, with the real engine process on small volumes.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.task_panel_test_case import TaskPanelTestCase


class RegistrationPanelTestCase(TaskPanelTestCase):
    """A panel with two heads chosen, one of them moved."""

    MODULE = "DISARegistration"
    TASK_LOGIC = "registration"
    SETTINGS = ("Registration/Preset", "Registration/Device")
    RESULTS = ("vtkMRMLTransformNode", "vtkMRMLTextNode")

    def setUp(self):
        super().setUp()
        import slicer
        from DISARegistrationLib.RegistrationSelfTest import addMovedCopy
        from DISARegistrationLib.RegistrationSelfTest import motionMatrix
        from SlicerMambaMedLib.SelfTest import addPhantomHead

        self.fixed = addPhantomHead(slicer.mrmlScene, "Head", spacingMm=(6.0, 7.0, 8.0))
        self.motion = motionMatrix(5.0, (7.0, -4.0, 5.0))
        self.moving = addMovedCopy(self.fixed, self.motion)
        ui = self.module.ui
        ui.fixedSelector.setCurrentNode(self.fixed)
        ui.movingSelector.setCurrentNode(self.moving)
        self.choose(ui.presetComboBox, "same-modality")
        self.waitUntil(lambda: self.panel.request().settings.preset == "same-modality", "the preset")
        self.choose(ui.methodComboBox, "ncc")
        self.choose(ui.transformComboBox, "rigid")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")

    def chooseSlowSearch(self):
        """Let the next run take long enough to be interrupted."""
        self.choose(self.module.ui.searchComboBox, "global-wide")
        self.module.ui.startsSpinBox.value = 5000
        self.waitUntil(lambda: self.panel.request().settings.starts == 5000, "the starts")

    def misalignmentMm(self, toWorld=None):
        """Return how far the corners of the moved head are from where they belong."""
        import vtk
        from DISARegistrationLib.Placement import matrixAsArray

        matrix = vtk.vtkMatrix4x4()
        parent = self.moving.GetParentTransformNode()
        if parent is not None:
            parent.GetMatrixTransformToWorld(matrix)
        corners = np.array([[x, y, z, 1.0] for x in (-60, 60) for y in (-80, 80) for z in (-60, 60)])
        left = (corners @ (matrixAsArray(matrix) @ self.motion).T - corners)[:, :3]
        return float(np.linalg.norm(left, axis=1).max())

    def assertSceneIsAsBefore(self):
        super().assertSceneIsAsBefore()
        self.assertEqual(self.results("vtkMRMLScalarVolumeNode"), [self.fixed, self.moving])
        self.assertIsNone(self.moving.GetParentTransformNode())


class TestRegistration(RegistrationPanelTestCase):
    def test_a_click_on_apply_puts_the_moving_volume_onto_the_fixed_one_and_undo_takes_it_back(self):
        ui = self.module.ui
        before = self.misalignmentMm()
        ui.warpedCheckBox.checked = True
        values = []
        self.module.click("applyButton")
        self.assertEqual(self.applyButton.text, "Cancel")
        self.panel.jobPanel.job.metricReceived.connect(lambda name, value, step: values.append((name, step, value)))
        self.waitForTheEnd()
        self.assertIn("Done", self.message)
        self.assertGreater(before, 10)
        self.assertLess(self.misalignmentMm(), 3)
        transform, inverse = self.results("vtkMRMLTransformNode")
        self.assertEqual([transform.GetName(), inverse.GetName()], ["Moved head to Head", "Head to Moved head"])
        self.assertIs(self.moving.GetParentTransformNode(), transform)
        usage = ui.usageLabel.text
        self.assertIn('"Moved head" lies under the transform "Moved head to Head"', usage)
        self.assertIn('The inverse is "Head to Moved head"', usage)
        self.assertIn("apply no transform", usage)
        steps = [step for name, step, _value in values if name == "similarity"]
        self.assertGreater(len(steps), 2, "the curve has points")
        self.assertEqual(steps, sorted(steps))
        self.assertTrue(ui.similarityPlotLabel.visible)
        rows = {ui.qualityTable.item(row, 0).text() for row in range(ui.qualityTable.rowCount)}
        self.assertIn("Similarity (ncc)", rows)
        self.assertFalse(ui.resultsCollapsibleButton.collapsed)
        self.module.click("undoButton")
        self.assertSceneIsAsBefore()
        self.assertGreater(self.misalignmentMm(), 10)
        self.assertIsNone(ui.resultSelector.currentNode())

    def test_a_preview_shows_the_transform_and_keeps_nothing(self):
        ui = self.module.ui
        self.module.click("previewButton")
        self.waitForTheEnd()
        self.assertIn("preview", self.message)
        self.assertLess(self.misalignmentMm(), 8)
        self.assertEqual(self.results("vtkMRMLTransformNode"), [])
        self.assertEqual(ui.previewButton.text, "End preview")
        self.module.click("previewButton")
        self.assertSceneIsAsBefore()
        self.assertNotEqual(ui.previewButton.text, "End preview")
        self.module.click("previewButton")
        self.waitForTheEnd()
        self.module.exit()
        self.assertSceneIsAsBefore()

    def test_landmarks_are_measured_live_and_given_to_the_engine(self):
        import slicer

        points = []
        for name, motion in (("F", np.eye(4)), ("M", self.motion)):
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
            for position in ((40.0, 0.0, 0.0), (0.0, 50.0, 10.0), (-30.0, -40.0, 20.0)):
                node.AddControlPoint((motion @ [*position, 1.0])[:3])
            points.append(node)
        ui = self.module.ui
        ui.fixedLandmarksSelector.setCurrentNode(points[0])
        ui.movingLandmarksSelector.setCurrentNode(points[1])
        self.waitUntil(lambda: ui.landmarksTable.rowCount == 3, "the pairs")
        self.assertEqual(ui.landmarksTable.item(0, 2).text(), "")
        self.apply()
        after = [float(ui.landmarksTable.item(row, 2).text()) for row in range(3)]
        self.assertLess(max(after), 3)
        rows = {ui.qualityTable.item(row, 0).text(): row for row in range(ui.qualityTable.rowCount)}
        row = rows["Mean landmark error (mm)"]
        engine = float(ui.qualityTable.item(row, 1).text().split("→")[1])
        self.assertAlmostEqual(engine, np.mean(after), delta=0.02)
        self.assertIs(points[1].GetParentTransformNode(), self.moving.GetParentTransformNode())
        position = np.array(points[0].GetNthControlPointPosition(0))
        points[0].SetNthControlPointPosition(0, *(position + np.array([0, 0, 20.0])))
        self.waitUntil(lambda: float(ui.landmarksTable.item(0, 2).text()) > 15, "the error of the moved point", 5)

    def test_a_run_is_repeated_from_its_record_with_the_same_transform(self):
        import slicer

        self.apply()
        (first, _inverse) = self.results("vtkMRMLTransformNode")
        self.choose(self.module.ui.methodComboBox, "mattes")
        self.waitUntil(lambda: self.module.ui.repeatButton.enabled, "Repeat enabled")
        self.module.click("repeatButton")
        self.waitForTheEnd()
        self.assertIn("Done", self.message)
        self.assertEqual(self.panel.request().settings.method, "ncc")
        self.assertEqual(self.module.ui.warningsLabel.text.count("has changed"), 0)
        second = self.moving.GetParentTransformNode()
        self.assertIsNot(second, first)
        matrices = [slicer.util.arrayFromTransformMatrix(node) for node in (first, second)]
        np.testing.assert_allclose(matrices[0], matrices[1], atol=1e-9)


class TestInterruptions(RegistrationPanelTestCase):
    def test_cancel_leaves_the_scene_as_it_was(self):
        self.chooseSlowSearch()
        self.module.click("applyButton")
        job = self.panel.jobPanel.job
        self.waitUntil(lambda: job.stage, "the beginning of the job", 120)
        self.module.click("applyButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the cancelled job", 30)
        self.assertEqual(job.outcome, "cancelled")
        self.assertSceneIsAsBefore()

    def test_deleting_the_moving_volume_stops_the_job(self):
        import slicer

        self.chooseSlowSearch()
        self.module.click("applyButton")
        job = self.panel.jobPanel.job
        slicer.mrmlScene.RemoveNode(self.moving)
        self.waitUntil(lambda: job.isFinished, "the end of the job", 60)
        self.assertIn('"Moved head" was deleted', self.message)
        self.assertEqual(self.results("vtkMRMLTransformNode"), [])

    def test_a_reloaded_module_follows_the_running_job(self):
        self.chooseSlowSearch()
        self.module.click("applyButton")
        self.module.reload()
        self.assertTrue(self.panel.jobPanel.isBusy)
        self.module.click("applyButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the cancelled job", 30)
        self.assertSceneIsAsBefore()


class TestPanelState(RegistrationPanelTestCase):
    def test_apply_says_what_is_missing(self):
        self.module.ui.movingSelector.setCurrentNode(self.fixed)
        self.waitUntil(lambda: "same volume" in self.applyButton.toolTip, "the reason")
        self.assertFalse(self.applyButton.enabled)
        self.assertFalse(self.module.ui.previewButton.enabled)
        self.module.ui.movingSelector.setCurrentNode(self.moving)
        self.choose(self.module.ui.transformComboBox, "deformable")
        self.waitUntil(lambda: "has no deformable transform" in self.applyButton.toolTip, "the reason")

    def test_a_preset_fills_the_panel_and_changes_are_told(self):
        self.choose(self.module.ui.presetComboBox, "2d")
        self.waitUntil(lambda: self.panel.request().settings.preset == "2d", "the preset")
        settings = self.panel.request().settings
        self.assertEqual((settings.transform, settings.stride, settings.translation_range_mm), ("affine", 2, 0.0))
        self.waitUntil(lambda: self.module.ui.hintLabel.text.startswith("Affine in the plane"), "the description")
        self.assertNotIn("Changed", self.module.ui.hintLabel.text)
        self.choose(self.module.ui.strideComboBox, "4")
        self.waitUntil(lambda: "Changed: feature distance" in self.module.ui.hintLabel.text, "the change")

    def test_without_the_learned_descriptors_a_preset_takes_others_and_says_so(self):
        models = self.module.logic.registration.models
        find = models.find
        self.addCleanup(setattr, models, "find", find)

        def findNone(key):
            raise ValueError(f"There is no model {key}.")

        models.find = findNone
        self.choose(self.module.ui.presetComboBox, "head-mr-ct")
        self.waitUntil(lambda: self.panel.request().settings.preset == "head-mr-ct", "the preset")
        self.assertEqual(self.panel.request().settings.method, "mind-ssc")
        self.waitUntil(lambda: "Changed: method" in self.module.ui.hintLabel.text, "the change")
        self.choose(self.module.ui.methodComboBox, "disa")
        self.waitUntil(lambda: "descriptors cannot be used" in self.applyButton.toolTip, "the reason")
        self.assertFalse(self.module.find("cardButton").enabled)

    def test_a_saved_scene_restores_the_panel(self):
        import slicer

        ui = self.module.ui
        labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Brain")
        ui.fixedMaskSelector.setCurrentNode(labels)
        ui.startsSpinBox.value = 77
        ui.workingSpacingSpinBox.value = 3.5
        self.choose(ui.searchComboBox, "global-narrow")
        self.waitUntil(lambda: self.panel.request().settings.search == "global-narrow", "the search")
        before = self.panel.request()
        path = str(self.jobs / "scene.mrb")
        slicer.util.saveScene(path)
        slicer.mrmlScene.Clear(0)
        self.waitUntil(lambda: not self.applyButton.enabled, "an empty panel")
        slicer.util.loadScene(path)
        self.waitUntil(lambda: ui.fixedSelector.currentNode() is not None, "the restored input")
        after = self.panel.request()
        self.assertEqual(after.settings, before.settings)
        self.assertEqual(after.settings.working_spacing_mm, 3.5)
        self.assertEqual([after.fixed.GetName(), after.moving.GetName()], ["Head", "Moved head"])
        self.assertEqual(after.fixedMask.GetName(), "Brain")

    def test_tab_goes_from_top_to_bottom(self):
        names = ["settingsButton", "fixedSelector", "movingSelector", "presetComboBox", "methodComboBox"]
        names += ["transformComboBox", "deviceComboBox", "warpedCheckBox", "previewButton", "applyButton"]
        self.assertTabGoesThrough(names)


del RegistrationPanelTestCase
