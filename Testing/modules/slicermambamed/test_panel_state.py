"""What the panel of SlicerMambaMed says, offers, remembers and restores.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.slicermambamed.panel_test_case import PanelTestCase
from modules.tiny_model import write_tiny_model


class TestPanelState(PanelTestCase):
    def test_apply_says_what_is_missing(self):
        import slicer

        self.module.ui.inputSelector.setCurrentNode(None)
        self.waitUntil(lambda: not self.applyButton.enabled, "Apply disabled")
        self.assertEqual(self.applyButton.toolTip, "Choose an input volume.")
        hollow = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Hollow")
        self.module.ui.inputSelector.setCurrentNode(hollow)
        self.waitUntil(lambda: "holds no image" in self.applyButton.toolTip, "the reason")

    def test_a_model_with_two_channels_asks_for_two_volumes(self):
        import slicer
        from SlicerMambaMedLib.SelfTest import addPhantomHead

        self.chooseModel(str(write_tiny_model(self.models / "two", channels=("T1", "FLAIR"))))
        self.waitUntil(lambda: "FLAIR" in self.applyButton.toolTip, "the second channel is asked for")
        self.assertTrue(self.module.ui.channelsFrame.visible)
        second = addPhantomHead(slicer.mrmlScene, "Second", spacingMm=(5.0, 6.0, 7.0))
        self.panel.channelSelectors.setNodes([second])
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        self.apply()
        self.assertEqual(len(self.results()), 1)
        self.module.exit()
        self.module.enter()
        self.assertEqual(self.panel.channelSelectors.nodes, (second,))

    def test_a_folder_that_is_no_model_is_refused_with_the_reason(self):
        self.chooseModel(str(self.jobs))
        self.assertIn("was not added", self.message)
        self.assertEqual(self.panel.modelSelector.currentKey, self.tinyModel)

    def test_tab_goes_from_top_to_bottom(self):
        names = ["settingsButton", "inputSelector", "modelComboBox", "deviceComboBox", "outputSelector", "applyButton"]
        self.assertTabGoesThrough(names)

    def test_the_card_is_one_click_away(self):
        self.module.click("cardButton")
        text = self.module.find("cardBrowser").plainText
        self.assertTrue(self.module.find("cardBrowser").visible)
        self.assertIn("Not for clinical use", text)
        self.assertIn("inner, outer", text)

    def test_a_saved_scene_restores_the_panel(self):
        import slicer

        ui = self.module.ui
        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
        region.SetCenter(0, 0, 0)
        region.SetSize(90, 90, 90)
        ui.regionSelector.setCurrentNode(region)
        ui.stepSizeSlider.value = 0.8
        ui.mirroringCheckBox.checked = True
        ui.precisionComboBox.setCurrentText("float32")
        ui.uncertaintyCheckBox.checked = True
        ui.deviceComboBox.setCurrentIndex(ui.deviceComboBox.findData("cpu"))
        self.waitUntil(lambda: self.panel.request().settings.precision == "float32", "the precision")
        before = self.panel.request()
        path = str(self.jobs / "scene.mrb")
        slicer.util.saveScene(path)
        slicer.mrmlScene.Clear(0)
        self.waitUntil(lambda: not self.applyButton.enabled, "an empty panel")
        ui.stepSizeSlider.value = 0.3
        slicer.util.loadScene(path)
        self.waitUntil(lambda: ui.inputSelector.currentNode() is not None, "the restored input")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        after = self.panel.request()
        self.assertEqual(after.settings, before.settings)
        self.assertEqual(after.inputs[0].GetName(), "Head")
        self.assertEqual(after.region.GetName(), "Box")
        self.assertAlmostEqual(ui.stepSizeSlider.value, 0.8)
        self.assertEqual(ui.precisionComboBox.currentText, "float32")

    def test_a_run_is_repeated_from_its_record(self):
        import slicer
        from SlicerMambaMedLib.RunRecordNode import readRecord
        from SlicerMambaMedLib.SegmentationImport import segmentIds

        self.module.ui.stepSizeSlider.value = 0.7
        self.waitUntil(lambda: self.panel.request().settings.step_size == 0.7, "the step size")
        self.apply()
        self.module.ui.stepSizeSlider.value = 0.3
        self.waitUntil(lambda: self.module.ui.repeatButton.enabled, "Repeat enabled")
        self.module.click("repeatButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the repeated job", 180)
        self.assertAlmostEqual(self.module.ui.stepSizeSlider.value, 0.7)
        first, second = self.results()
        records = [readRecord(node) for node in self.results("vtkMRMLTextNode")]
        self.assertEqual(records[0]["settings"], records[1]["settings"])
        self.assertEqual(records[0]["inputs"][0]["sha256"], records[1]["inputs"][0]["sha256"])
        for one, other in zip(segmentIds(first), segmentIds(second)):
            np.testing.assert_array_equal(
                slicer.util.arrayFromSegmentBinaryLabelmap(first, one, self.volume),
                slicer.util.arrayFromSegmentBinaryLabelmap(second, other, self.volume),
            )

    def test_a_repeated_run_on_a_changed_volume_says_so(self):
        import slicer

        self.apply()
        slicer.util.arrayFromVolume(self.volume)[:] += 1
        slicer.util.arrayFromVolumeModified(self.volume)
        self.waitUntil(lambda: self.module.ui.repeatButton.enabled, "Repeat enabled")
        self.module.click("repeatButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the repeated job", 180)
        self.assertIn('"Head" has changed since', self.module.ui.warningsLabel.text)
        self.assertTrue(self.module.ui.warningsLabel.visible)

    def test_a_record_whose_input_is_gone_says_so(self):
        import slicer

        self.apply()
        slicer.mrmlScene.RemoveNode(self.volume)
        self.waitUntil(lambda: self.module.ui.repeatButton.enabled, "Repeat enabled")
        self.module.click("repeatButton")
        self.assertIn("0 of the 1 input volumes", self.message)

    def test_the_engine_is_examined_in_the_background(self):
        self.waitUntil(lambda: "Engine ready" in self.panel.status.line.text, "the engine's state", 120)
        self.assertGreaterEqual(self.module.ui.deviceComboBox.count, 2)
        self.assertIn("scan", self.module.ui.backendLabel.text)

    def test_time_and_memory_are_estimated_before_apply(self):
        text = self.module.ui.estimateLabel.text
        self.assertIn("GB of memory", text)
        self.assertIn("Expected: ", text)


del PanelTestCase
