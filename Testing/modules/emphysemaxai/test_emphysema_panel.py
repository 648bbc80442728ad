"""The panel of EmphysemaXAI, driven as a user would, with the real engine process and a small phantom.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.task_panel_test_case import TaskPanelTestCase


class EmphysemaPanelTestCase(TaskPanelTestCase):
    """A panel with a phantom chosen, and density alone computed."""

    MODULE = "EmphysemaXAI"
    TASK_LOGIC = "emphysema"
    SETTINGS = ("Models/emphysema", "Emphysema/Model", "Emphysema/Device")
    RESULTS = tuple(f"vtkMRML{name}Node" for name in ("Segmentation", "Table", "Text", "PlotChart", "PlotSeries"))

    def setUp(self):
        super().setUp()
        import slicer
        from EmphysemaXAILib.SelfTest import addPhantomChest

        self.volume = addPhantomChest(slicer.mrmlScene, "Chest", spacingMm=(5.0, 5.5, 6.0))
        for name in ("patterns", "severity", "explanations"):
            self.module.find(f"{name}CheckBox").checked = False
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")


class TestApply(EmphysemaPanelTestCase):
    def test_a_click_on_apply_ends_with_measures_and_segmentations_in_place(self):
        import slicer
        from EmphysemaXAILib.ResultNodes import nodesByRole
        from SlicerMambaMedLib.RunRecordNode import readRecord
        from SlicerMambaMedLib.SegmentationImport import segmentIds

        stages = []
        self.module.click("applyButton")
        self.assertEqual(self.applyButton.text, "Cancel")
        self.panel.jobPanel.job.progressChanged.connect(lambda stage, fraction, left: stages.append(fraction))
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the job", 180)
        self.assertIn("Done", self.message)
        self.assertEqual(stages, sorted(stages))
        (record,) = self.results("vtkMRMLTextNode")
        nodes = nodesByRole(record)
        self.assertEqual(set(nodes) - {"airways"}, {"measures", "histogram", "chart", "regions", "low_attenuation"})
        regions = nodes["regions"]
        self.assertEqual(len(segmentIds(regions)), 6)
        self.assertIs(regions.GetNodeReference(regions.GetReferenceImageGeometryReferenceRole()), self.volume)
        voxels = slicer.util.arrayFromVolume(self.volume)
        low = nodes["low_attenuation"]
        found = slicer.util.arrayFromSegmentBinaryLabelmap(low, segmentIds(low)[0], self.volume) > 0
        self.assertTrue(np.all(voxels[found] < -950))
        measured = readRecord(record)["regions"]["whole lung"]
        voxelMl = 5.0 * 5.5 * 6.0 / 1000.0
        self.assertAlmostEqual(
            measured["laa950_percent"], 100.0 * found.sum() * voxelMl / (1000.0 * measured["volume_l"]), delta=0.01
        )
        self.assertEqual(list(self.jobs.glob("*")), [], "job folders are left")
        self.assertFalse(self.module.ui.resultsCollapsibleButton.collapsed)
        self.waitUntil(lambda: self.module.ui.measuresTable.rowCount == 9, "the table")
        self.assertEqual(self.rows(self.module.ui.measuresTable)[0][0], "whole lung")
        self.assertTrue(low.GetDisplayVisibility())
        self.assertFalse(regions.GetDisplayVisibility())
        self.assertRepeats(record)

    def assertRepeats(self, record):
        """Repeat the run from its record; the panel is set as it was."""
        from SlicerMambaMedLib.RunRecordNode import readRecord

        self.module.ui.calibrationCheckBox.checked = True
        self.module.ui.kernelEdit.text = "B70f"
        self.waitUntil(lambda: self.panel.request().settings.acquisition.kernel == "B70f", "the kernel")
        self.module.click("repeatButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the repeated job", 180)
        self.assertIn("Done", self.message)
        self.assertFalse(self.module.ui.calibrationCheckBox.checked)
        first, second = self.results("vtkMRMLTextNode")
        for name in ("settings", "regions"):
            self.assertEqual(readRecord(first)[name], readRecord(second)[name])

    def test_given_lobes_an_earlier_scan_and_what_is_known_by_hand_reach_the_engine(self):
        import slicer
        from EmphysemaXAILib.SelfTest import addPhantomChest
        from SlicerMambaMedLib.RunRecordNode import readRecord

        voxels = slicer.util.arrayFromVolume(self.volume)
        lungs = (voxels < -700) & (slicer.util.arrayFromVolume(self.volume) > -1100)
        k, j, i = np.indices(voxels.shape)
        inside = lungs & (np.abs(j - voxels.shape[1] / 2) < 0.36 * voxels.shape[1])
        inside &= (np.abs(i - voxels.shape[2] / 2) < 0.36 * voxels.shape[2]) & (k > 4) & (k < voxels.shape[0] - 9)
        lobes = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Lobes")
        lobes.CreateDefaultDisplayNodes()
        lobes.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        middle = voxels.shape[2] / 2
        parts = {
            "left upper": i > middle,
            "right upper": (i < middle) & (k > 25),
            "right lower": (i < middle) & (k <= 25),
        }
        for name, part in parts.items():
            identifier = lobes.GetSegmentation().AddEmptySegment(name, name)
            array = (inside & part).astype(np.uint8)
            slicer.util.updateSegmentBinaryLabelmapFromArray(array, lobes, identifier, self.volume)
        earlier = addPhantomChest(slicer.mrmlScene, "Earlier", spacingMm=(6.0, 6.5, 7.0), growth=0.6)
        ui = self.module.ui
        ui.lungsSelector.setCurrentNode(lobes)
        ui.previousSelector.setCurrentNode(earlier)
        ui.kernelEdit.text = "B70f"
        ui.thicknessEdit.text = "6"
        ui.noiseComboBox.setCurrentText("median")
        self.waitUntil(lambda: self.panel.request().settings.noise_filter == "median", "the filter")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        self.apply()
        self.assertIn("Done", self.message)
        record = readRecord(self.results("vtkMRMLTextNode")[0])
        self.assertTrue(set(parts) <= set(record["regions"]))
        self.assertEqual(record["acquisition"]["kernel"], "B70f")
        self.assertTrue(any("B70f" in text for text in record["warnings"]))
        self.assertTrue(any("median" in text for text in record["warnings"]))
        change = record["change"]["regions"]["whole lung"]
        self.assertGreater(change["laa950_points"], 1.0)
        self.waitUntil(lambda: ui.changeTable.rowCount > 0, "the table of changes")
        self.assertTrue(ui.resultTabs.isTabEnabled(4))
        self.assertIn("Warning: ", ui.warningsBrowser.plainText)

    def test_the_report_holds_pictures_and_is_where_the_user_wanted_it(self):
        self.apply()
        folder = self.jobs / "report"
        self.panel.report.chooseFolder = lambda: str(folder)
        self.waitUntil(lambda: self.module.ui.reportButton.enabled, "the report can be saved")
        self.module.click("reportButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the report", 180)
        self.assertIn("Written", self.message)
        names = sorted(path.name for path in folder.iterdir())
        self.assertEqual(names, ["Chest emphysema.html", "Chest emphysema.pdf"])
        page = (folder / "Chest emphysema.html").read_text(encoding="utf-8")
        self.assertIn("<img ", page)
        self.assertIn("LAA−950", page)


class TestInterruptions(EmphysemaPanelTestCase):
    def startAndWaitForProgress(self):
        import slicer
        from EmphysemaXAILib.SelfTest import addPhantomChest

        self.volume = addPhantomChest(slicer.mrmlScene, "Large", spacingMm=(1.7, 1.7, 2.0))
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.waitUntil(lambda: self.panel.request().ct is self.volume, "the large scan")
        self.module.click("applyButton")
        job = self.panel.jobPanel.job
        self.waitUntil(lambda: 0.0 < job.fraction < 1, "progress", 120)
        return job

    def test_cancel_half_way_leaves_the_scene_as_it_was(self):
        self.startAndWaitForProgress()
        self.module.click("applyButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the cancelled job", 60)
        self.assertIn("cancelled", self.message)
        self.assertSceneIsAsBefore()

    def test_a_killed_engine_is_one_sentence(self):
        self.startAndWaitForProgress()
        os.kill(self.session.engine._process.processId, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the killed job", 60)
        self.assertIn("ended unexpectedly", self.message)
        self.assertSceneIsAsBefore()

    def test_closing_the_scene_stops_the_job_and_nothing_is_imported(self):
        import slicer

        job = self.startAndWaitForProgress()
        slicer.mrmlScene.Clear(0)
        self.waitUntil(lambda: job.isFinished, "the end of the job", 60)
        self.assertIn("the scene was closed", self.message)
        self.assertSceneIsAsBefore()

    def test_a_reloaded_module_follows_the_running_job_and_deleting_the_input_stops_it(self):
        import slicer

        self.startAndWaitForProgress()
        self.module.reload()
        self.assertEqual(self.applyButton.text, "Cancel")
        slicer.mrmlScene.RemoveNode(self.volume)
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the job", 60)
        self.assertIn('its input "Large" was deleted', self.message)
        self.assertSceneIsAsBefore()


class TestBadInput(EmphysemaPanelTestCase):
    def refused(self, array):
        """Apply to these voxels, look that the scene is as it was, and return the sentence."""
        import slicer

        slicer.util.updateVolumeFromArray(self.volume, array)
        self.apply()
        self.assertSceneIsAsBefore()
        self.assertNotIn("Traceback", self.message)
        self.assertNotIn("\n", self.message)
        return self.message

    def test_what_is_no_whole_chest_ct_in_hu_is_one_sentence_each(self):
        import slicer

        voxels = np.array(slicer.util.arrayFromVolume(self.volume))
        self.assertIn("slice", self.refused(voxels[:1].copy()))
        self.assertIn("cropped", self.refused(voxels[10:40].copy()))
        self.assertIn("rescaled", self.refused(np.clip((voxels + 1024) / 10, 0, 255).astype(np.uint8)))
        self.assertIn("not HU", self.refused((voxels / 8).astype(np.int16)))
        head = np.where(voxels > -200, 40, np.where(np.indices(voxels.shape)[1] < 12, -1000, 40)).astype(np.int16)
        self.assertIn("No lungs", self.refused(head))


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

    def test_without_models_density_alone_is_asked_for_and_the_rest_says_what_is_missing(self):
        panel = self.panel
        panel._parameters.model = ""
        panel.logic.models.entries = lambda: []
        panel.logic.canFindPatterns = lambda model: False
        self.module.exit()
        self.module.enter()
        self.assertEqual(panel.request().settings.compute, ("density",))
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        self.module.find("severityCheckBox").checked = True
        self.waitUntil(lambda: "Choose a severity model" in self.applyButton.toolTip, "the reason")
        self.module.find("severityCheckBox").checked = False
        self.module.find("patternsCheckBox").checked = True
        self.waitUntil(lambda: "for local patterns is not installed" in self.applyButton.toolTip, "the reason")

    def test_a_number_that_is_none_is_named(self):
        self.module.ui.thicknessEdit.text = "thin"
        self.waitUntil(lambda: "slice thickness is given as thin" in self.applyButton.toolTip, "the reason")
        self.module.ui.thicknessEdit.text = "1,25"
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        self.assertEqual(self.panel.request().settings.acquisition.slice_thickness_mm, 1.25)

    def test_a_saved_scene_restores_the_panel(self):
        import slicer

        ui = self.module.ui
        earlier = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Earlier")
        slicer.util.updateVolumeFromArray(earlier, np.zeros((4, 5, 6), np.int16))
        ui.previousSelector.setCurrentNode(earlier)
        ui.noiseComboBox.setCurrentText("gaussian")
        ui.sigmaSpinBox.value = 1.5
        ui.calibrationCheckBox.checked = True
        ui.kernelEdit.text = "B31f"
        ui.contrastComboBox.setCurrentText("yes")
        ui.nameEdit.text = "Case 7"
        ui.opacitySlider.value = 0.7
        ui.thresholdSlider.value = 0.6
        self.waitUntil(lambda: self.panel.request().settings.noise_filter == "gaussian", "the filter")
        before = self.panel.request()
        path = str(self.jobs / "scene.mrb")
        slicer.util.saveScene(path)
        slicer.mrmlScene.Clear(0)
        self.waitUntil(lambda: not self.applyButton.enabled, "an empty panel")
        slicer.util.loadScene(path)
        self.waitUntil(lambda: ui.inputSelector.currentNode() is not None, "the restored input")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        after = self.panel.request()
        self.assertEqual(after.settings, before.settings)
        self.assertEqual((after.ct.GetName(), after.previous.GetName()), ("Chest", "Earlier"))
        self.assertEqual((ui.nameEdit.text, ui.kernelEdit.text), ("Case 7", "B31f"))
        self.assertAlmostEqual(ui.opacitySlider.value, 0.7)
        self.assertAlmostEqual(ui.thresholdSlider.value, 0.6)

    def test_tab_goes_from_top_to_bottom(self):
        names = ["settingsButton", "inputSelector", "lungsSelector", "patternsCheckBox", "deviceComboBox", "nameEdit"]
        names += ["applyButton", "recordSelector", "overlayComboBox", "noiseComboBox"]
        self.assertTabGoesThrough(names)


del EmphysemaPanelTestCase
