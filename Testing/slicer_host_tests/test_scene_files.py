"""Scenes and nodes to files and back, through ``slicer.util`` as modules call it."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

MODULE_FILE = Path(__file__).parent / "sample" / "HostSample.py"
OBLIQUE = numpy.array([[0.8, 0.6, 0, 3.0], [-0.6, 0.8, 0, -7.0], [0, 0, 1, 11.0], [0, 0, 0, 1]]) @ numpy.diag(
    [0.7, 1.1, 2.5, 1]
)


@pytest.fixture(autouse=True)
def host(slicer_host):
    return slicer_host


def add_volume(name="volume"):
    import slicer

    generator = numpy.random.default_rng(3)
    return slicer.util.addVolumeFromArray(generator.random((4, 5, 6), dtype=numpy.float32), OBLIQUE, name)


def geometry(node):
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz", "mha"])
def test_volume_keeps_voxels_and_geometry(tmp_path, ending):
    import slicer

    volume = add_volume()
    path = tmp_path / f"volume.{ending}"
    assert slicer.util.saveNode(volume, str(path))
    loaded = slicer.util.loadVolume(str(path))
    assert loaded is not volume
    assert numpy.array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))
    assert numpy.allclose(geometry(loaded), OBLIQUE, atol=1e-5)


def test_files_that_can_not_be_read_raise(tmp_path):
    import slicer

    with pytest.raises(RuntimeError, match="File not found"):
        slicer.util.loadVolume(str(tmp_path / "absent.nrrd"))
    (tmp_path / "junk.nrrd").write_text("no image")
    with pytest.raises(RuntimeError, match="Cannot read volume file"):
        slicer.util.loadVolume(str(tmp_path / "junk.nrrd"))


def test_text_table_and_segmentation(tmp_path):
    import slicer

    text = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    text.SetText("the record")
    assert slicer.util.saveNode(text, str(tmp_path / "record.txt"))
    assert slicer.util.loadText(str(tmp_path / "record.txt")).GetText() == "the record"
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    slicer.util.updateTableFromArray(table, numpy.arange(6.0).reshape(3, 2), ["a", "b"])
    assert slicer.util.saveNode(table, str(tmp_path / "table.csv"))
    assert slicer.util.loadTable(str(tmp_path / "table.csv")).GetCellText(2, 1) == "5"
    volume = add_volume()
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment_id = segmentation.GetSegmentation().AddEmptySegment("one", "one")
    mask = (slicer.util.arrayFromVolume(volume) > 0.5).astype(numpy.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment_id, volume)
    assert slicer.util.saveNode(segmentation, str(tmp_path / "result.seg.nrrd"))
    loaded = slicer.util.loadSegmentation(str(tmp_path / "result.seg.nrrd"))
    assert numpy.array_equal(slicer.util.arrayFromSegmentBinaryLabelmap(loaded, "one", volume), mask)


@pytest.mark.parametrize("name", ["scene.mrb", "folder/scene.mrml"])
def test_a_saved_scene_restores_the_panel(tmp_path, host, name):
    import slicer

    module = host.load(MODULE_FILE)
    volume = add_volume()
    module.ui.inputSelector.setCurrentNode(volume)
    module.ui.thresholdSlider.value = 0.7
    module.ui.modeBox.setCurrentIndex(0)
    module.click("applyButton")
    module.widget._parameterNode.outputSegmentation = slicer.util.getNode("Result")
    voxels = slicer.util.arrayFromVolume(volume).copy()
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".mrml"):
        slicer.util.saveNode(volume, str(path.parent / "volume.nrrd"))
        slicer.util.saveNode(slicer.util.getNode("Result"), str(path.parent / "result.seg.nrrd"))
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    assert module.ui.thresholdSlider.value == 0.5
    slicer.util.loadScene(str(path))
    assert module.ui.thresholdSlider.value == 0.7
    assert module.ui.modeBox.currentText == "fast"
    assert module.ui.inputSelector.currentNode() is slicer.util.getNode("volume")
    assert module.ui.outputSelector.currentNode() is slicer.util.getNode("Result")
    assert numpy.array_equal(slicer.util.arrayFromVolume(slicer.util.getNode("volume")), voxels)


def test_subject_hierarchy_takes_items():
    import slicer

    volume = add_volume()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Study")
    item = hierarchy.CreateItem(folder, volume)
    assert hierarchy.GetItemByDataNode(volume) == item
    assert hierarchy.GetItemParent(item) == folder
