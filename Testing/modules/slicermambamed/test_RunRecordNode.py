"""Run records and tables as nodes: RunRecordNode, VolumeTable, ColorMaps."""

from __future__ import annotations

import pytest

RECORD = {"task": "segment", "settings": {"model": "m"}, "inputs": [{"name": "T1"}], "note": "Größe 3 µm"}


@pytest.fixture
def nodes(slicer_host):
    import slicer
    from SlicerMambaMedLib.RunRecordNode import createRecordNode

    scene = slicer.mrmlScene
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    region = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    result = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "result")
    record = createRecordNode(scene, "run record", RECORD, [volume], region, [result, None])
    return scene, volume, region, result, record


def test_the_record_comes_back_as_it_was(nodes):
    from SlicerMambaMedLib.RunRecordNode import readRecord

    assert readRecord(nodes[-1]) == RECORD
    assert nodes[-1].GetText().isascii()


def test_the_record_leads_to_the_nodes_of_its_run_also_after_saving(nodes, tmp_path):
    import slicer
    from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord
    from SlicerMambaMedLib.RunRecordNode import recordOfResult
    from SlicerMambaMedLib.RunRecordNode import regionNodeOfRecord
    from SlicerMambaMedLib.RunRecordNode import resultNodes

    scene, volume, region, result, record = nodes
    assert inputNodesOfRecord(record) == [volume]
    assert regionNodeOfRecord(record) is region
    assert resultNodes(record) == [result]
    assert recordOfResult(result) is record
    assert recordOfResult(volume) is None
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    other = slicer.vtkMRMLScene()
    slicer.vtkSlicerSegmentationsModuleLogic().SetMRMLScene(other)
    slicer.vtkSlicerMarkupsLogic().SetMRMLScene(other)
    other.SetURL(str(tmp_path / "scene.mrml"))
    other.Import()
    loaded = other.GetFirstNodeByName("run record")
    assert [node.GetName() for node in inputNodesOfRecord(loaded)] == ["T1"]
    assert regionNodeOfRecord(loaded).GetName() == "box"


def test_a_missing_input_is_named(nodes):
    from SlicerMambaMedLib.RunRecordNode import inputNodesOfRecord

    scene, volume, _, _, record = nodes
    scene.RemoveNode(volume)
    with pytest.raises(ValueError, match="0 of the 1 input volumes"):
        inputNodesOfRecord(record)


@pytest.mark.parametrize("text", ["", "hello", "[1]", '{"task": "segment"}'])
def test_another_text_is_no_record(nodes, text):
    from SlicerMambaMedLib.RunRecordNode import readRecord

    nodes[-1].SetText(text)
    with pytest.raises(ValueError, match="is not a run record"):
        readRecord(nodes[-1])


def test_a_table_keeps_texts_and_numbers_apart(slicer_host, tmp_path):
    import slicer
    from SlicerMambaMedLib.VolumeTable import createTableNode

    path = tmp_path / "volumes.csv"
    path.write_text('value,name,voxels,volume_ml\n1,"grey, cortex",12,0.5\n2,white,3,2.25\n')
    table = createTableNode(slicer.mrmlScene, "volumes", path)
    columns = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    assert columns == ["value", "name", "voxels", "volume_ml"]
    assert table.GetCellText(0, 1) == "grey, cortex"
    assert slicer.util.arrayFromTableColumn(table, "voxels").tolist() == [12, 3]
    assert slicer.util.arrayFromTableColumn(table, "volume_ml").tolist() == [0.5, 2.25]


def test_a_heat_map_hides_what_lies_below_the_threshold(slicer_host):
    import numpy as np
    import slicer
    from SlicerMambaMedLib.ColorMaps import heatMapNode
    from SlicerMambaMedLib.ColorMaps import showAsHeatMap

    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "uncertainty")
    slicer.util.updateVolumeFromArray(volume, np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 2, 2))
    showAsHeatMap(volume, threshold=0.25)
    display = volume.GetDisplayNode()
    assert (display.GetApplyThreshold(), display.GetLowerThreshold(), display.GetUpperThreshold()) == (1, 0.25, 1.0)
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 1.0)
    assert display.GetColorNode() is heatMapNode(slicer.mrmlScene)
    colors = [heatMapNode(slicer.mrmlScene).GetColorTransferFunction().GetColor(x) for x in np.linspace(0, 1, 33)]
    brightness = np.array(colors) @ (0.2126, 0.7152, 0.0722)
    assert np.all(np.diff(brightness) > 0)
