"""The panel of SlicerMambaMed, driven as a user would, with the real engine process and a tiny model.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
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


class TestApply(PanelTestCase):
    def test_a_click_on_apply_ends_with_a_segmentation_in_place(self):
        import slicer
        from SlicerMambaMedLib.RunRecordNode import readRecord
        from SlicerMambaMedLib.SegmentationImport import segmentIds

        stages = []
        self.module.click("applyButton")
        self.assertEqual(self.applyButton.text, "Cancel")
        self.panel.jobPanel.job.progressChanged.connect(lambda stage, fraction, left: stages.append(fraction))
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the job", 180)
        self.assertIn("Done", self.message)
        self.assertEqual(self.applyButton.text, "Apply")
        self.assertEqual(stages, sorted(stages))
        (segmentation,) = self.results()
        self.assertEqual(segmentation.GetName(), "Head segmentation")
        names = [segmentation.GetSegmentation().GetSegment(i).GetName() for i in segmentIds(segmentation)]
        self.assertEqual(names, ["inner", "outer"])
        self.assertIs(segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole()), self.volume)
        self.assertGeometryIsThatOfTheInput(segmentation)
        (table,) = self.results("vtkMRMLTableNode")
        voxels = slicer.util.arrayFromTableColumn(table, "voxels")
        for identifier, count in zip(segmentIds(segmentation), voxels):
            array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, identifier, self.volume)
            self.assertEqual(int((array > 0).sum()), int(count))
        (record,) = self.results("vtkMRMLTextNode")
        self.assertEqual(readRecord(record)["model"]["folder"], self.tinyModel)
        self.assertEqual(list(self.jobs.glob("*")), [], "job folders are left")
        self.assertFalse(self.module.ui.resultsCollapsibleButton.collapsed)
        self.assertEqual(self.module.ui.volumesTable.rowCount, 2)

    def assertGeometryIsThatOfTheInput(self, segmentation):
        import slicer
        import vtk

        image = slicer.vtkOrientedImageData()
        segmentation.GetBinaryLabelmapRepresentation(segmentation.GetSegmentation().GetNthSegmentID(0), image)
        found, expected = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(found)
        self.volume.GetIJKToRASMatrix(expected)
        for row in range(4):
            for column in range(4):
                self.assertAlmostEqual(found.GetElement(row, column), expected.GetElement(row, column), places=9)
        self.assertEqual(image.GetDimensions(), self.volume.GetImageData().GetDimensions())

    def test_a_second_run_makes_a_second_segmentation_and_a_chosen_one_is_replaced(self):
        self.apply()
        self.apply()
        first, second = self.results()
        self.assertEqual(second.GetName(), "Head segmentation_1")
        self.module.ui.outputSelector.setCurrentNode(first)
        first.GetSegmentation().RemoveAllSegments()
        self.apply()
        self.assertEqual(self.results(), [first, second])
        self.assertEqual(first.GetSegmentation().GetNumberOfSegments(), 2)

    def test_advanced_choices_reach_the_engine_and_the_result(self):
        import slicer
        from SlicerMambaMedLib.RunRecordNode import readRecord

        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
        region.SetCenter(10, -5, 0)
        region.SetSize(80, 90, 100)
        self.module.ui.regionSelector.setCurrentNode(region)
        self.module.ui.stepSizeSlider.value = 0.75
        self.module.ui.uncertaintyCheckBox.checked = True
        self.module.ui.probabilitiesCheckBox.checked = True
        self.module.ui.show3DCheckBox.checked = True
        self.uncheck(self.module.ui.foldsComboBox, "1")
        self.uncheck(self.module.ui.labelsComboBox, "inner")
        self.waitUntil(lambda: self.panel.request().settings.folds == ("0",), "the fold")
        self.apply()
        self.assertIn("Done", self.message)
        settings = readRecord(self.results("vtkMRMLTextNode")[0])["settings"]
        self.assertEqual(settings["region_of_interest_lps_mm"], [-50.0, 30.0, -40.0, 50.0, -50.0, 50.0])
        self.assertEqual((settings["step_size"], settings["folds"], settings["labels"]), (0.75, ["0"], ["outer"]))
        (segmentation,) = self.results()
        self.assertEqual(segmentation.GetSegmentation().GetNumberOfSegments(), 1)
        self.assertTrue(segmentation.GetSegmentation().ContainsRepresentation("Closed surface"))
        maps = [node for node in self.results("vtkMRMLScalarVolumeNode") if node is not self.volume]
        self.assertEqual(sorted(node.GetName() for node in maps), ["Head probability of outer", "Head uncertainty"])
        for node in maps:
            values = slicer.util.arrayFromVolume(node)
            self.assertTrue(values.min() >= 0 and values.max() <= 1.0001)
            self.assertTrue(node.GetDisplayNode().GetApplyThreshold())
        self.assertTrue(self.module.ui.mapComboBox.visible)
        self.module.ui.mapComboBox.setCurrentIndex(2)
        self.module.ui.stepSizeSlider.value = 0.8
        self.waitUntil(lambda: self.panel.request().settings.step_size == 0.8, "the step size")
        self.panel.refresh()
        self.assertEqual(self.module.ui.mapComboBox.currentIndex, 2)
        self.module.ui.thresholdSlider.value = 0.4
        self.assertAlmostEqual(maps[0].GetDisplayNode().GetLowerThreshold(), 0.4)
        (table,) = self.results("vtkMRMLTableNode")
        self.assertEqual([table.GetCellText(row, 1) for row in range(table.GetNumberOfRows())], ["outer"])
        outside = slicer.util.arrayFromSegmentBinaryLabelmap(
            segmentation, segmentation.GetSegmentation().GetNthSegmentID(0), self.volume
        )
        self.assertEqual(int(outside[0].sum() + outside[-1].sum()), 0)

    def uncheck(self, comboBox, name):
        import qt

        model = comboBox.checkableModel()
        row = comboBox.findText(name)
        comboBox.setCheckState(model.index(row, 0), qt.Qt.Unchecked)

    def test_the_overlay_opacity_acts_at_once(self):
        self.apply()
        self.module.ui.opacitySlider.value = 0.2
        self.assertAlmostEqual(self.results()[0].GetDisplayNode().GetOpacity2DFill(), 0.2)

    def test_a_volume_under_a_transform_is_segmented_where_it_lies(self):
        import slicer
        import vtk

        matrix = vtk.vtkMatrix4x4()
        for row, values in enumerate([(0, -1, 0, 11), (1, 0, 0, -7), (0, 0, 1, 5)]):
            for column, value in enumerate(values):
                matrix.SetElement(row, column, value)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(matrix)
        self.volume.SetAndObserveTransformNodeID(transform.GetID())
        self.apply()
        (segmentation,) = self.results()
        found, expected = np.zeros(6), np.zeros(6)
        segmentation.GetRASBounds(found)
        self.volume.GetRASBounds(expected)
        self.assertTrue(np.all(found[::2] >= expected[::2] - 4) and np.all(found[1::2] <= expected[1::2] + 4))
        self.assertIsNone(segmentation.GetParentTransformNode())


class TestInterruptions(PanelTestCase):
    def test_cancel_half_way_leaves_the_scene_as_it_was(self):
        self.startAndWaitForProgress()
        self.module.click("applyButton")
        self.assertFalse(self.applyButton.enabled)
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the cancelled job", 15)
        self.assertIn("cancelled", self.message)
        self.assertSceneIsAsBefore()
        self.assertEqual(self.applyButton.text, "Apply")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled again")

    def test_a_killed_engine_is_one_sentence_and_the_next_run_works(self):
        self.startAndWaitForProgress()
        os.kill(self.session.engine._process.processId, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the killed job", 30)
        self.assertIn("ended unexpectedly", self.message)
        self.assertNotIn("Traceback", self.message)
        self.assertSceneIsAsBefore()
        self.module.ui.stepSizeSlider.value = 1.0
        self.module.ui.mirroringCheckBox.checked = False
        self.apply()
        self.assertEqual(len(self.results()), 1)

    def test_closing_the_scene_stops_the_job_and_nothing_is_imported(self):
        import slicer

        job = self.startAndWaitForProgress()
        slicer.mrmlScene.Clear(0)
        self.waitUntil(lambda: job.isFinished, "the end of the job", 15)
        self.assertEqual(job.outcome, "cancelled")
        self.assertIn("the scene was closed", self.message)
        self.assertSceneIsAsBefore()

    def test_deleting_the_input_stops_the_job_and_nothing_is_imported(self):
        import slicer

        job = self.startAndWaitForProgress()
        slicer.mrmlScene.RemoveNode(self.volume)
        self.waitUntil(lambda: job.isFinished, "the end of the job", 15)
        self.assertIn('its input "Head" was deleted', self.message)
        self.assertSceneIsAsBefore()

    def test_a_reloaded_module_follows_the_running_job(self):
        self.startAndWaitForProgress()
        self.module.reload()
        self.assertEqual(self.applyButton.text, "Cancel")
        self.assertTrue(self.panel.jobPanel.isBusy)
        self.module.click("applyButton")
        self.waitUntil(lambda: not self.panel.jobPanel.isBusy, "the end of the cancelled job", 15)
        self.assertSceneIsAsBefore()

    def test_a_result_that_arrives_while_another_module_is_shown_is_there_on_return(self):
        self.module.click("applyButton")
        job = self.panel.jobPanel.job
        self.module.exit()
        self.waitUntil(lambda: job.isFinished, "the end of the job", 180)
        self.module.enter()
        self.assertIs(self.module.ui.resultSelector.currentNode(), self.results()[0])

    def test_a_failing_job_is_one_sentence_with_details_and_leaves_the_scene(self):
        import slicer

        slicer.util.arrayFromVolume(self.volume)[:] = 0
        slicer.util.updateVolumeFromArray(
            self.volume, np.full(slicer.util.arrayFromVolume(self.volume).shape, np.nan, np.float32)
        )
        self.apply()
        self.assertTrue(self.message)
        self.assertNotIn("Traceback", self.message)
        self.assertNotIn("exit status", self.message)
        self.assertSceneIsAsBefore()


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
        order = []
        first = widget = self.module.find("settingsButton")
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
