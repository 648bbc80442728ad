"""The panel of SlicerMambaMed, driven as a user would, with the real engine process and a tiny model.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.slicermambamed.panel_test_case import PanelTestCase


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


del PanelTestCase
