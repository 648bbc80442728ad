"""The Training part of SlicerMambaMed's panel, driven as a user would, with the real engine and tiny cases.

Runs under pytest in the stand-in host and in Slicer itself (CTest, ``slicer_add_python_unittest``).
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from modules.module_driver import REPOSITORY
from modules.training_panel_test_case import TrainingPanelTestCase
from modules.training_panel_test_case import children_of
from modules.training_panel_test_case import hold_after_first_value
from modules.training_panel_test_case import send_to_all

LIVER = "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure~" + (
    "SCT^10200004^Liver~^^~Anatomic codes - DICOM master list~^^~^^"
)
TISSUE = LIVER.replace("123037004^Anatomical Structure", "85756007^Tissue").replace("10200004^Liver", "85756007^Tissue")
SHAPE = (17, 26, 21)
QUICK = {"epochs": 3, "iterations": 5, "validation_iterations": 1}


class TrainingTestCase(TrainingPanelTestCase):
    """A panel with its Training part open, set to the shortest of trainings."""

    MODULE = "SlicerMambaMed"
    MODEL_SETTINGS = ("Models/segmentation", "Segmentation/Model")

    def setUp(self):
        super().setUp()
        from SlicerMambaMedLib.SegmentationTraining import PRESETS

        self.addCleanup(PRESETS.__setitem__, "quick", PRESETS["quick"])
        PRESETS["quick"] = QUICK
        self.ui.epochsSpinBox.value = QUICK["epochs"]

    def addCase(self, name, segments, seed=0):
        """Add a volume with a bright box, and a segmentation of it: {name: terminology}."""
        import slicer

        random = np.random.default_rng(seed)
        inside = np.zeros(SHAPE, dtype=bool)
        z, y, x = random.integers(2, 6, 3)
        inside[z : z + 9, y : y + 12, x : x + 10] = True
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        slicer.util.updateVolumeFromArray(volume, (inside * 3.0 + random.normal(0, 0.5, SHAPE)).astype(np.float32))
        volume.SetSpacing(1.0, 1.2, 1.5)
        volume.SetOrigin(10.0 * seed, -20.0, 30.0)
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{name} labels")
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        for number, (label, terminology) in enumerate(segments.items()):
            identifier = segmentation.GetSegmentation().AddEmptySegment("", label)
            segment = segmentation.GetSegmentation().GetSegment(identifier)
            segment.SetTag(segment.GetTerminologyEntryTagName(), terminology)
            part = inside & (np.arange(SHAPE[0]) % len(segments) == number)[:, None, None]
            slicer.util.updateSegmentBinaryLabelmapFromArray(part.astype(np.uint8), segmentation, identifier, volume)
        return volume


class TestCases(TrainingTestCase):
    def test_a_folder_is_looked_at_before_the_start(self):
        self.choose(self.ui.sourceComboBox, "folder")
        self.ui.folderEdit.text = str(self.home / "nothing here")
        self.waitUntil(lambda: "does not exist" in self.ui.casesLabel.text, "the problem")
        self.assertFalse(self.trainButton.enabled)
        self.assertIn("does not exist", self.trainButton.toolTip)
        for name in ("a.nrrd", "a_seg.nrrd", "b.nrrd"):
            (self.home / name).write_bytes(b"")
        self.ui.folderEdit.text = str(self.home)
        self.waitUntil(lambda: "b: there is no label map" in self.ui.casesLabel.text, "the next problem")
        (self.home / "b_seg.nrrd").write_bytes(b"")
        self.section.refresh()
        self.assertEqual(self.ui.casesLabel.text, "2 case(s); channels: image; labels: those in the label maps.")
        self.assertTrue(self.trainButton.enabled)
        self.choose(self.ui.foldComboBox, "0")
        self.waitUntil(lambda: "Cross-validation needs 5 cases" in self.ui.casesLabel.text, "the problem of the fold")

    def test_segments_of_the_scene_are_matched_by_their_code(self):
        from SlicerMambaMedLib.TrainingCases import exportPairs
        from SlicerMambaMedLib.TrainingCases import labelsOfPairs

        self.addCase("First", {"Leber": LIVER, "Lesion": TISSUE}, 1)
        self.addCase("Second", {"foie": LIVER, "lesion": TISSUE}, 2)
        self.choose(self.ui.sourceComboBox, "scene")
        self.waitUntil(lambda: self.trainButton.enabled, "Start enabled")
        self.assertEqual(self.ui.casesLabel.text, "2 case(s); channels: image; labels: Leber, Lesion.")
        pairs = self.logic.pairs()
        labels = labelsOfPairs(pairs)
        self.assertEqual([label.terminology.get("type", {}).get("meaning") for label in labels], ["Liver", None])
        folder = self.home / "Dataset901_A"
        self.assertEqual(exportPairs(pairs, folder), [])
        from mambamed.segmentation.dataset_check import check_dataset

        report = check_dataset(folder)
        self.assertEqual(report.problems, [])
        self.assertEqual(report.labels, {"background": 0, "Leber": 1, "Lesion": 2})
        self.addCase("Third", {"spleen": TISSUE}, 3)
        self.section.refresh()
        self.assertIn('"Leber" is not segmented in: Third', self.ui.casesLabel.text)
        self.assertFalse(self.trainButton.enabled)


class TestTraining(TrainingTestCase):
    def test_training_is_killed_found_again_resumed_and_its_model_used(self):
        import slicer
        from SlicerMambaMedLib.Session import Session

        volume = self.addCase("First", {"Leber": LIVER}, 1)
        self.addCase("Second", {"foie": LIVER}, 2)
        self.choose(self.ui.sourceComboBox, "scene")
        self.choose(self.ui.architectureComboBox, "umamba-bot")
        self.ui.nameEdit.text = "Box finder"
        training = self.start()
        self.assertTrue(training.folder.name.startswith("BoxFinder-"))
        process = hold_after_first_value(training.folder)
        self.addCleanup(send_to_all, process, signal.SIGCONT)
        self.waitUntil(lambda: self.section.curves.epochs, "the first epoch in the panel")
        self.writePicture()
        # Slicer is restarted: a new session and a new panel find the training, with its curve.
        # It has the user's settings from before: those of the session so far, which may be older than this host.
        Session._instance = Session(self.logic.session.settings)
        self.module.reload()
        self.module.enter()
        self.assertIsNot(self.section.jobPanel.job, training)
        self.module.ui.trainingCollapsibleButton.collapsed = False
        self.waitUntil(lambda: self.section.jobPanel.isBusy, "the running training in the new panel")
        self.assertTrue(self.section.curves.epochs)
        # It is killed by the system.
        children = children_of(process)
        os.kill(process, signal.SIGKILL)
        for child in children:
            send_to_all(child, signal.SIGCONT)
        self.waitUntil(lambda: not self.section.jobPanel.isBusy, "the end after the kill", 60)
        self.assertIn("ended unexpectedly", self.section.jobPanel.message)
        done = list(self.section.curves.epochs)
        self.assertIn("(failed)", self.ui.trainingsComboBox.currentText)
        # It goes on to its end.
        self.module.click("resumeButton")
        self.assertEqual(self.section.curves.epochs[: len(done)], done)
        self.waitForTheEnd()
        self.assertDone()
        self.assertEqual(self.section.curves.epochs, [1, 2, 3])
        self.assertIn("Epoch 3: loss", self.ui.curvesLabel.text)
        self.assertLossIsShown()
        self.assertModelSegments(volume)
        self.forgetPrintedErrors()
        self.assertEqual(len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")), 1)

    def writePicture(self):
        """Write the picture of the user guide, where that is asked for."""
        if os.environ.get("MAMBAMED_WRITE_PICTURES"):
            self.ui.homeEdit.text = "/elsewhere/MambaMed trainings"
            frame = self.module.ui.trainingCollapsibleButton
            frame.adjustSize()
            frame.grab().save(str(REPOSITORY / "docs" / "images" / "slicer-training.png"))

    def assertLossIsShown(self):
        table = self.assertCurvesAreShown(3)
        self.assertEqual([table.GetValueByName(row, "epoch").ToDouble() for row in range(3)], [1.0, 2.0, 3.0])
        losses = [table.GetValueByName(row, "training loss").ToDouble() for row in range(3)]
        self.assertEqual(losses, self.section.curves.values("training loss"))
        self.assertTrue(np.isfinite(losses).all())

    def assertModelSegments(self, volume):
        import slicer

        entry = self.module.widget.panel.modelSelector.current
        self.assertEqual(entry.title, "BoxFinder (U-Mamba Bot, 3d_fullres)")
        self.assertEqual(entry.card.training_data, "BoxFinder: 2 training cases, 0 held out (fold all).")
        self.assertEqual([label.name for label in entry.card.labels], ["Leber"])
        self.assertEqual(entry.card.labels[0].terminology["type"]["code"], "10200004")
        self.assertEqual([metric.name for metric in entry.card.metrics], ["Dice"])
        self.module.ui.inputSelector.setCurrentNode(volume)
        before = len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
        self.waitUntil(lambda: self.module.find("applyButton").enabled, "Apply enabled")
        self.module.click("applyButton")
        panel = self.module.widget.panel.jobPanel
        self.waitUntil(lambda: not panel.isBusy, "the segmentation", 300)
        self.assertIn("Done", panel.message)
        self.assertEqual(len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")), before + 1)
