"""The panel of OrientedDetection, driven as a user would, with the real engine process and a tiny detector.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import csv
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.orienteddetection.small_detectors import write_generous_detector
from modules.task_panel_test_case import TaskPanelTestCase


class DetectionPanelTestCase(TaskPanelTestCase):
    """A panel with a small picture and a tiny detector chosen."""

    MODULE = "OrientedDetection"
    TASK_LOGIC = "detection"
    SETTINGS = ("Models/detection", "Detection/Model", "Detection/Device")
    RESULTS = tuple(f"vtkMRML{name}Node" for name in ("MarkupsROI", "MarkupsPlane", "Table", "Text"))

    @classmethod
    def setUpClass(cls):
        cls.models = Path(tempfile.mkdtemp(prefix="mambamed-test-"))
        cls.detector = str(write_generous_detector(cls.models / "detector"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.models, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.volume = self.addVolume("Picture", (1, 48, 64))
        self.chooseModel(self.detector)
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.setScores(0.3, 0.3)
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")

    def addVolume(self, name, shape, spacing=(0.7, 0.8, 2.0)):
        """Add a volume with values of a fixed seed; a fourth number of the shape is that of the colours."""
        import slicer

        className = "vtkMRMLVectorVolumeNode" if len(shape) == 4 else "vtkMRMLScalarVolumeNode"
        volume = slicer.mrmlScene.AddNewNodeByClass(className, name)
        voxels = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
        slicer.util.updateVolumeFromArray(volume, voxels)
        volume.SetSpacing(*spacing)
        volume.SetOrigin(-20.0, 10.0, 5.0)
        volume.CreateDefaultDisplayNodes()
        return volume

    def setScores(self, lowest, least):
        self.module.ui.lowestScoreSpinBox.value = lowest
        self.module.ui.scoreSlider.value = least

    @property
    def record(self):
        (record,) = [node for node in self.results("vtkMRMLTextNode") if node.GetAttribute("MambaMed.RecordOfTask")]
        return record

    @property
    def shownRows(self):
        table = self.module.ui.detectionsTable
        return [row for row in range(table.rowCount) if not table.isRowHidden(row)]

    def shownMarkups(self, className="vtkMRMLMarkupsROINode"):
        return [node for node in self.results(className) if node.GetDisplayNode().GetVisibility()]


class TestApply(DetectionPanelTestCase):
    def test_a_click_on_apply_ends_with_boxes_table_and_record_beside_the_picture(self):
        import slicer
        from OrientedDetectionLib.DetectionResult import DetectionResult

        slicer.mrmlScene.SetUndoOn()
        self.addCleanup(slicer.mrmlScene.SetUndoOff)
        levels = slicer.mrmlScene.GetNumberOfUndoLevels()
        self.module.click("applyButton")
        self.assertEqual(self.applyButton.text, "Cancel")
        self.waitForTheEnd()
        self.assertIn("Done", self.message)
        boxes = self.results("vtkMRMLMarkupsROINode")
        items = DetectionResult(self.record).items
        self.assertGreater(len(boxes), 3)
        self.assertEqual(len(boxes), len(items))
        self.assertEqual(slicer.mrmlScene.GetNumberOfUndoLevels(), levels + 1)
        bounds = np.zeros(6)
        self.volume.GetBounds(bounds)
        for item, box in zip(items, boxes, strict=True):
            self.assertEqual(box.GetName(), f"{item.label} {item.number} ({item.score:.2f})")
            np.testing.assert_allclose(box.GetCenter(), item.center, atol=1e-4)
            np.testing.assert_allclose(box.GetSize(), item.sizeMm, atol=1e-4)
            self.assertTrue(np.all(np.array(item.center) >= bounds[::2] - 1e-6))
            self.assertTrue(np.all(np.array(item.center) <= bounds[1::2] + 1e-6))
        self.assertEqual(len({box.GetDisplayNode().GetSelectedColor() for box in boxes}), 2)
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        folders = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(box)) for box in boxes}
        (folder,) = folders
        self.assertEqual(hierarchy.GetItemName(folder), "Picture objects")
        ownParent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(self.volume))
        self.assertIn(hierarchy.GetItemParent(folder), (ownParent, hierarchy.GetSceneItemID()))
        self.assertEqual(list(self.jobs.glob("*")), [], "job folders are left")
        self.assertFilters()
        self.assertSaves()
        self.assertRepeats()

    def assertFilters(self):
        """The slider and the choice of labels hide at once what they exclude; a deleted box leaves the table."""
        import slicer
        from OrientedDetectionLib.DetectionResult import DetectionResult

        ui = self.module.ui
        items = DetectionResult(self.record).items
        self.assertEqual(self.shownRows, list(range(len(items))))
        self.assertEqual(ui.detectionsTable.horizontalHeaderItem(2).text(), "Length (mm)")
        median = sorted(item.score for item in items)[len(items) // 2]
        ui.scoreSlider.value = median
        expected = [row for row, item in enumerate(items) if item.score >= ui.scoreSlider.value]
        self.assertEqual(self.shownRows, expected)  # with no event loop in between
        self.assertEqual(len(self.shownMarkups()), len(expected))
        self.assertEqual(ui.countLabel.text, f"{len(expected)} of {len(items)} shown")
        ui.scoreSlider.value = 0.3
        self.waitUntil(lambda: self.panel._parameters.leastScore == 0.3, "the score is kept in the scene")
        self.panel.results.labelChoice.setChecked(["vessel"])
        self.panel.results.labelChoice.changed.emit(["vessel"])
        self.assertEqual({items[row].label for row in self.shownRows}, {"vessel"})
        self.panel.results.labelsChosen.emit([])
        ui.detectionsTable.cellClicked(1, 0)
        named = [node for node in self.results("vtkMRMLMarkupsROINode") if _isNamed(node)]
        self.assertEqual([node.GetName() for node in named], [items[1].title])
        slicer.mrmlScene.RemoveNode(named[0])
        self.waitUntil(lambda: ui.detectionsTable.rowCount == len(items) - 1, "the row of the deleted box has gone")

    def assertSaves(self):
        from OrientedDetectionLib.DetectionResult import DetectionResult

        items = DetectionResult(self.record).items
        for button, name in (("dotaButton", "a.txt"), ("csvButton", "a.csv"), ("markupsButton", "a.mrk.json")):
            path = self.jobs / name
            self.panel.results.chooseFile = lambda usual, path=path: str(path)
            self.module.click(button)
            self.assertIn("Written", self.message)
            self.assertTrue(path.is_file())
        lines = (self.jobs / "a.txt").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(lines), len(items))
        self.assertEqual(lines[0].split()[8:], [items[0].label, "0"])
        corners = np.array(lines[0].split()[:8], dtype=float).reshape(4, 2)
        np.testing.assert_allclose(corners, items[0].boxes[0]["corners_px"], atol=0.006)
        with (self.jobs / "a.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        self.assertEqual([float(row["length_mm"]) for row in rows[:1]], [float(f"{items[0].sizeMm[0]:.6g}")])
        markups = json.loads((self.jobs / "a.mrk.json").read_text(encoding="utf-8"))["markups"]
        self.assertEqual([markup["name"] for markup in markups], [item.title for item in items])
        for path in self.jobs.glob("a.*"):
            path.unlink()

    def assertRepeats(self):
        """Repeat the run from its record; the panel is set as it was."""
        from SlicerMambaMedLib.RunRecordNode import readRecord

        first = self.record
        ui = self.module.ui
        ui.flipsCheckBox.checked = True
        self.setScores(0.45, 0.3)
        self.waitUntil(lambda: self.panel.request().settings.flips, "the setting")
        self.module.click("repeatButton")
        self.waitForTheEnd()
        self.assertIn("Done", self.message)
        self.assertFalse(ui.flipsCheckBox.checked)
        second = self.panel._parameters.record
        self.assertIsNot(second, first)
        self.assertEqual(readRecord(second)["settings"], readRecord(first)["settings"])

    def test_slices_of_a_volume_under_a_transform_give_boxes_where_it_lies(self):
        import slicer
        import vtk
        from OrientedDetectionLib.DetectionResult import DetectionResult

        volume = self.addVolume("Volume", (5, 40, 48))
        ui = self.module.ui
        ui.inputSelector.setCurrentNode(volume)
        self.choose(ui.slabComboBox, "slab")
        ui.firstSliceSpinBox.value, ui.lastSliceSpinBox.value = 1, 2
        ui.linkSlicesCheckBox.checked = False
        self.waitUntil(lambda: self.panel.request().settings.slices == (1, 2), "the slab")
        self.waitUntil(lambda: "slices 1 to 2 of 5" in ui.estimateLabel.text, "what will be looked at")
        self.apply()
        self.assertIn("Done", self.message)
        before = DetectionResult(self.record)
        self.assertEqual({item.slices for item in before.items}, {(1, 1), (2, 2)})
        table = ui.detectionsTable
        self.assertEqual(table.horizontalHeaderItem(table.columnCount - 1).text(), "Slice")
        slicer.mrmlScene.RemoveNode(self.record)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
        matrix = vtk.vtkMatrix4x4()
        for row, value in enumerate((11.0, -7.0, 4.0)):
            matrix.SetElement(row, 3, value)
        transform.SetMatrixTransformToParent(matrix)
        volume.SetAndObserveTransformNodeID(transform.GetID())
        self.choose(ui.shapeComboBox, "plane")
        self.waitUntil(lambda: self.panel.request().shape == "plane", "the form")
        self.apply()
        after = DetectionResult(self.record)
        moved = np.array([item.center for item in before.items]) + np.array([11.0, -7.0, 4.0])
        np.testing.assert_allclose([item.center for item in after.items], moved, atol=1e-3)
        planes = self.results("vtkMRMLMarkupsPlaneNode")
        np.testing.assert_allclose([plane.GetCenter() for plane in planes], moved, atol=1e-3)
        np.testing.assert_allclose(planes[0].GetSize(), after.items[0].sizeMm[:2], atol=1e-4)
        np.testing.assert_allclose(np.abs(planes[0].GetNormal()), (0, 0, 1), atol=1e-6)

    def test_linked_slices_become_boxes_in_space_and_nothing_found_is_a_result(self):
        from OrientedDetectionLib.DetectionResult import DetectionResult

        volume = self.addVolume("Volume", (4, 40, 48))
        ui = self.module.ui
        ui.inputSelector.setCurrentNode(volume)
        self.waitUntil(lambda: "slices 0 to 3 of 4" in ui.estimateLabel.text, "what will be looked at")
        self.apply()
        self.assertIn("Done", self.message)
        result = DetectionResult(self.record)
        self.assertTrue(result.detection.isLinked)
        self.assertTrue(any(item.slices[0] < item.slices[1] for item in result.items))
        titles = [ui.detectionsTable.horizontalHeaderItem(i).text() for i in range(ui.detectionsTable.columnCount)]
        self.assertEqual(titles[4:], ["Depth (mm)", "Angle (°)", "Slices"])
        path = self.jobs / "found.txt"
        self.panel.results.chooseFile = lambda usual: str(path)
        self.module.click("dotaButton")
        files = sorted(item.name for item in self.jobs.glob("found*"))
        self.assertTrue(set(files) <= {f"found_slice_{number:04d}.txt" for number in range(4)})
        self.assertGreater(len(files), 1)
        self.setScores(0.0, 0.0)  # of what is kept: the model's own
        self.waitUntil(lambda: self.panel.request().settings.score_threshold is None, "the model's score")
        self.apply()
        self.assertEqual(DetectionResult(self.panel._parameters.record).detection.scoreThreshold, 0.3)
        self.setScores(0.99, 0.99)
        self.waitUntil(lambda: self.panel.request().settings.score_threshold == 0.99, "the score")
        self.apply()
        self.assertEqual(self.message, "Nothing was found with a score of 0.99 or more.")
        self.assertEqual(ui.countLabel.text, "nothing was found")
        self.assertEqual(ui.detectionsTable.rowCount, 0)


class TestInterruptions(DetectionPanelTestCase):
    def startAndWaitForProgress(self):
        self.volume = self.addVolume("Large", (40, 400, 400))
        self.module.ui.inputSelector.setCurrentNode(self.volume)
        self.module.ui.flipsCheckBox.checked = True
        self.waitUntil(lambda: self.panel.request().volume is self.volume, "the large volume")
        self.module.click("applyButton")
        job = self.panel.jobPanel.job
        self.waitUntil(lambda: 0.0 < job.fraction < 1, "progress", 500)
        return job

    def test_cancel_half_way_leaves_the_scene_as_it_was(self):
        self.startAndWaitForProgress()
        self.module.click("applyButton")
        self.waitForTheEnd()
        self.assertIn("cancelled", self.message)
        self.assertSceneIsAsBefore()

    def test_a_killed_engine_is_one_sentence(self):
        self.startAndWaitForProgress()
        os.kill(self.session.engine._process.processId, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.waitForTheEnd()
        self.assertIn("ended unexpectedly", self.message)
        self.assertSceneIsAsBefore()

    def test_a_reloaded_module_follows_the_running_job_and_closing_the_scene_stops_it(self):
        import slicer

        self.startAndWaitForProgress()
        self.module.reload()
        self.assertEqual(self.applyButton.text, "Cancel")
        slicer.mrmlScene.Clear(0)
        self.waitForTheEnd()
        self.assertIn("the scene was closed", self.message)
        self.assertSceneIsAsBefore()


class TestPanelState(DetectionPanelTestCase):
    def waitForProblem(self, text):
        self.waitUntil(lambda: text in self.applyButton.toolTip, text)
        self.assertFalse(self.applyButton.enabled)
        self.assertNotIn("\n", self.applyButton.toolTip)

    def test_apply_says_what_is_missing(self):
        import slicer

        ui = self.module.ui
        ui.inputSelector.setCurrentNode(None)
        self.waitForProblem("Choose an image or a volume.")
        ui.inputSelector.setCurrentNode(self.addVolume("Series", (4, 5, 6, 12)))
        self.waitForProblem("is a series with 12 values per voxel")
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
        ui.inputSelector.setCurrentNode(empty)
        self.waitForProblem('"Empty" holds no image')
        volume = self.addVolume("Volume", (5, 40, 48))
        ui.inputSelector.setCurrentNode(volume)
        self.choose(ui.slabComboBox, "slab")
        ui.firstSliceSpinBox.value, ui.lastSliceSpinBox.value = 4, 2
        self.waitForProblem("The slab is empty: its first slice 4 lies behind its last slice 2.")
        ui.lastSliceSpinBox.value = 9
        self.waitForProblem("The last slice is 9, but the volume has 5 axial slices, 0 to 4.")
        self.choose(ui.sliceAxisComboBox, "coronal")
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Flat")
        ui.regionSelector.setCurrentNode(region)
        self.waitForProblem('The region "Flat" has no extent')
        ui.regionSelector.setCurrentNode(None)
        self.waitUntil(lambda: self.applyButton.enabled, "Apply enabled")
        request = self.panel.request()
        gone = replace(request, settings=request.settings.replace(model=str(self.models / "gone")))
        problem = self.module.logic.detection.problem(gone)
        self.assertIn("gone", problem)
        self.assertNotIn("\n", problem)

    def test_without_a_red_view_slices_are_chosen_by_number(self):
        import slicer

        view = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
        if view is not None:
            slicer.mrmlScene.RemoveNode(view)
        self.module.ui.inputSelector.setCurrentNode(self.addVolume("Volume", (5, 40, 48)))
        self.choose(self.module.ui.slabComboBox, "red")
        self.waitForProblem("There is no Red view")

    def test_a_saved_scene_restores_the_panel(self):
        import slicer

        ui = self.module.ui
        self.choose(ui.sliceAxisComboBox, "sagittal")
        self.choose(ui.shapeComboBox, "plane")
        ui.scoreSlider.value = 0.62
        ui.overlapSpinBox.value = 0.25
        ui.minimumSlicesSpinBox.value = 2
        self.waitUntil(lambda: self.panel.request().settings.minimum_slices == 2, "the settings")
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
        self.assertEqual((after.volume.GetName(), after.shape), ("Picture", "plane"))
        self.assertAlmostEqual(ui.scoreSlider.value, 0.62)

    def test_the_training_section_says_what_it_will_learn_from(self):
        self.module.ui.trainingCollapsibleButton.collapsed = False
        ui = self.panel.training.ui
        button = self.module.find("trainButton")
        ui.homeEdit.text = str(self.jobs)
        ui.nameEdit.text = "Needles"
        self.choose(ui.sourceComboBox, "folder")
        ui.folderEdit.text = str(self.jobs / "nowhere")
        self.waitUntil(lambda: "nowhere does not exist" in ui.casesLabel.text, "the missing folder")
        self.assertFalse(button.enabled)
        self.choose(ui.sourceComboBox, "synthetic-ct")
        self.waitUntil(lambda: button.enabled, "the training can be started")
        self.assertIn("synthetic pictures of 128 x 128 pixels", ui.casesLabel.text)
        self.assertFalse(ui.foldComboBox.isVisibleTo(self.panel.training.widget))
        self.assertIn(f": {ui.epochsSpinBox.value} epochs", ui.presetComboBox.currentText)
        self.choose(ui.architectureComboBox, "atss-o")
        settings = self.panel.training.request().settings
        self.assertEqual((settings["method"], settings["backbone"]), ("atss-o", "resnet18"))
        ui.nameEdit.text = " "
        self.waitUntil(lambda: "Give the model a name." in button.toolTip, "the reason")

    def test_tab_goes_from_top_to_bottom(self):
        names = ["settingsButton", "inputSelector", "sliceAxisComboBox", "slabComboBox", "modelComboBox"]
        names += ["deviceComboBox", "shapeComboBox", "applyButton", "recordSelector", "scoreSlider"]
        names += ["detectionsTable", "dotaButton", "regionSelector", "lowestScoreSpinBox"]
        self.assertTabGoesThrough(names)


def _isNamed(node):
    return bool(node.GetDisplayNode().GetPropertiesLabelVisibility())


del DetectionPanelTestCase
