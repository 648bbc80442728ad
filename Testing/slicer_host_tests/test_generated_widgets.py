"""The classes generated from the API facts: what the real class lacks raises; what panels use works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FACTS = Path(__file__).parents[1] / "slicer_host" / "gui_api.json"


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def test_every_class_can_be_made_and_has_its_members_and_no_others(host):
    from slicer_host.generated.factory import custom_class
    from slicer_host.generated.facts import facts_of

    not_makeable = {"qSlicerApplication", "qSlicerCoreApplication", "ctkCheckableHeaderView"}
    made = 0
    for name, entry in json.loads(FACTS.read_text(encoding="utf-8"))["classes"].items():
        if name in not_makeable or entry.get("not_in_oldest") == "class absent":
            continue
        widget = custom_class(name)()
        facts = facts_of(name)
        members = [*facts.properties, *facts.methods, *facts.signals]
        needs_start = name.startswith(
            ("qMRMLSlice", "qMRMLThreeD", "qMRMLTableWidget", "qSlicerLayoutManager", "qSlicerScripted")
        )
        if not needs_start:
            missing = [member for member in members if member not in facts.too_new and not hasattr(widget, member)]
            assert missing == [], name
        with pytest.raises(AttributeError):
            _ = widget.surelyNotAMember
        with pytest.raises(AttributeError):
            widget.surelyNotAMember = 1
        made += 1
    assert made > 200
    assert FACTS.stat().st_size < 400_000


def test_what_nobody_imitated_says_so():
    import slicer
    from slicer_host.generated.widget import NotModelledError

    with pytest.raises(NotModelledError, match=r"qMRMLTextWidget\.startEdits"):
        slicer.qMRMLTextWidget().startEdits()


def test_members_too_new_for_the_oldest_supported_slicer_raise():
    import ctk
    import slicer

    with pytest.raises(AttributeError, match=r"does not exist in Slicer v5\.10\.0"):
        slicer.qMRMLNodeComboBox().connect("nodeAddedByUserAction(vtkMRMLNode*)", print)
    with pytest.raises(AttributeError):
        _ = ctk.ctkSplitter


def test_slider_and_range_keep_their_bounds():
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.minimum, slider.maximum, slider.singleStep = -5, 5, 0.5
    seen = []
    slider.connect("valueChanged(double)", seen.append)
    slider.value = 12
    slider.value = 12
    assert slider.value == 5.0
    assert seen == [5.0]
    ranged = ctk.ctkRangeWidget()
    ranged.setRange(0, 10)
    both = []
    ranged.connect("valuesChanged(double,double)", lambda low, high: both.append((low, high)))
    ranged.setValues(2, 20)
    assert (ranged.minimumValue, ranged.maximumValue) == (2.0, 10.0)
    assert both == [(2.0, 10.0)]


def test_signals_can_be_blocked():
    import ctk

    slider = ctk.ctkSliderWidget()
    seen = []
    slider.connect("valueChanged(double)", seen.append)
    was_blocked = slider.blockSignals(True)
    slider.value = 3
    slider.blockSignals(was_blocked)
    slider.value = 4
    assert seen == [4.0]


def test_path_widgets(host, tmp_path):
    import ctk

    edit = ctk.ctkPathLineEdit()
    edit.filters = ctk.ctkPathLineEdit.Dirs
    assert edit.filters == 1
    seen = []
    edit.connect("currentPathChanged(QString)", seen.append)
    edit.currentPath = str(tmp_path)
    host.answer(str(tmp_path / "other"))
    edit.browse()
    assert seen == [str(tmp_path), str(tmp_path / "other")]
    button = ctk.ctkDirectoryButton()
    button.connect("directoryChanged(QString)", seen.append)
    button.directory = str(tmp_path)
    assert seen[-1] == str(tmp_path)


def test_node_combo_box_filters_adds_and_renames():
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    combo.showChildNodeTypes = False
    combo.noneEnabled = True
    combo.setMRMLScene(slicer.mrmlScene)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    assert combo.nodeCount() == 0
    events = []
    combo.connect("nodeAddedByUser(vtkMRMLNode*)", lambda node: events.append(("added", node.GetName())))
    combo.connect("currentNodeRenamed(QString)", lambda name: events.append(("renamed", name)))
    combo.baseName = "Output"
    node = combo.addNode()
    assert combo.currentNode() is node
    assert combo.currentNodeID == node.GetID()
    node.SetName("Better")
    combo.removeCurrentNode()
    assert combo.currentNode() is None
    assert events == [("added", "Output"), ("renamed", "Better")]


def test_checkable_node_combo_box():
    import slicer

    combo = slicer.qMRMLCheckableNodeComboBox()
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    combo.setMRMLScene(slicer.mrmlScene)
    nodes = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("t1", "t2")]
    changes = []
    combo.connect("checkedNodesChanged()", lambda: changes.append(len(combo.checkedNodes())))
    combo.setCheckState(nodes[1], 2)
    combo.check(nodes[0])
    assert combo.checkedNodes() == tuple(nodes)
    slicer.mrmlScene.RemoveNode(nodes[0])
    assert combo.checkedNodes() == (nodes[1],)
    assert changes == [1, 2, 1]


def test_segments_table_follows_the_segmentation(host):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    view = slicer.qMRMLSegmentsTableView()
    view.setSegmentationNode(node)
    node.GetSegmentation().AddEmptySegment("liver", "Liver")
    host.processEvents()
    assert view.segmentCount == 1
    view.setSelectedSegmentIDs(["liver"])
    assert view.selectedSegmentIDs() == ("liver",)


def test_threshold_widget_changes_the_display():
    import numpy
    import slicer

    volume = slicer.util.addVolumeFromArray(numpy.arange(24.0).reshape(2, 3, 4))
    volume.CreateDefaultDisplayNodes()
    widget = slicer.qMRMLVolumeThresholdWidget()
    widget.setMRMLVolumeNode(volume)
    widget.autoThreshold = slicer.qMRMLVolumeThresholdWidget.Manual
    widget.setThreshold(5, 9)
    display = volume.GetDisplayNode()
    assert display.GetApplyThreshold()
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == (5.0, 9.0)


def test_subject_hierarchy_combo_box():
    import slicer

    combo = slicer.qMRMLSubjectHierarchyComboBox()
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    combo.setMRMLScene(slicer.mrmlScene)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "ct")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
    seen = []
    combo.connect("currentItemChanged(vtkIdType)", seen.append)
    combo.setCurrentItem(item)
    assert seen == [item]


def test_message_box_is_answered_and_remembered(host):
    import qt
    import slicer

    host.answer(int(qt.QMessageBox.Cancel))
    assert slicer.util.confirmOkCancelDisplay("Really?", detailedText="details") is False
    assert [(shown.text, shown.details) for shown in host.messages] == [("Really?", "details")]


def test_a_dialog_without_an_answer_is_an_error(host):
    import slicer

    assert slicer.util.confirmOkCancelDisplay("Really?") is False
    assert "Really?" in str(host.errors[0])
    host.errors.clear()


def test_sample_data_and_torch_doubles(host, tmp_path):
    import hashlib

    import numpy
    import PyTorchUtils
    import SampleData
    import slicer

    node = slicer.util.addVolumeFromArray(numpy.zeros((2, 3, 4)))
    path = tmp_path / "sample.nrrd"
    slicer.util.saveNode(node, str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    register("Test", "good", path.as_uri(), "sample.nrrd", "Good", checksums=f"SHA256:{digest}")
    register("Test", "bad", path.as_uri(), "sample.nrrd", "Bad", checksums=f"SHA256:{'0' * 64}")
    assert SampleData.downloadSample("good").GetName() == "Good"
    with pytest.raises(ValueError, match="checksum"):
        SampleData.downloadSample("bad")
    PyTorchUtils.set_installed(False)
    assert PyTorchUtils.PyTorchUtilsLogic().torchInstalled() is False
