"""Results enter the scene wholly or not at all: SceneChange, InputGuard, SubjectHierarchy."""

from __future__ import annotations

import pytest


def _names(scene):
    return sorted(scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes()))


def test_several_nodes_are_one_undo_step(slicer_host):
    import slicer
    from SlicerMambaMedLib.SceneChange import SceneChange

    scene = slicer.mrmlScene
    for name in ("vtkMRMLTextNode", "vtkMRMLTableNode"):
        default = scene.CreateNodeByClass(name)
        default.SetUndoEnabled(True)
        scene.AddDefaultNode(default)
        default.UnRegister(None)
    scene.SetUndoOn()
    scene.ClearUndoStack()
    before = _names(scene)
    with SceneChange(scene):
        scene.AddNewNodeByClass("vtkMRMLTextNode", "record")
        scene.AddNewNodeByClass("vtkMRMLTableNode", "volumes")
    assert scene.GetNumberOfUndoLevels() == 1
    scene.Undo()
    assert _names(scene) == before
    scene.SetUndoOff()


def test_a_failure_takes_all_new_nodes_back(slicer_host):
    import slicer
    from SlicerMambaMedLib.SceneChange import SceneChange

    scene = slicer.mrmlScene
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    kept = scene.AddNewNodeByClass("vtkMRMLTextNode", "mine")
    before = _names(scene)

    def fail():
        with SceneChange(scene):
            segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "result")
            segmentation.CreateDefaultDisplayNodes()
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail()
    assert _names(scene) == before
    assert scene.IsNodePresent(kept)


def test_the_guard_speaks_when_an_input_is_deleted_and_only_once(slicer_host):
    import slicer
    from SlicerMambaMedLib.InputGuard import InputGuard

    scene = slicer.mrmlScene
    first = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    second = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T2")
    other = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    reasons = []
    InputGuard(scene, [first, second, None]).lost.connect(reasons.append)
    scene.RemoveNode(other)
    assert reasons == []
    scene.RemoveNode(second)
    scene.RemoveNode(first)
    scene.Clear(0)
    assert reasons == ['its input "T2" was deleted']


def test_the_guard_speaks_when_the_scene_is_closed(slicer_host):
    import slicer
    from SlicerMambaMedLib.InputGuard import InputGuard

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    reasons = []
    InputGuard(slicer.mrmlScene, [node]).lost.connect(reasons.append)
    slicer.mrmlScene.Clear(0)
    assert reasons == ["the scene was closed"]


def test_a_released_guard_is_silent(slicer_host):
    import slicer
    from SlicerMambaMedLib.InputGuard import InputGuard

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    reasons = []
    guard = InputGuard(slicer.mrmlScene, [node])
    guard.lost.connect(reasons.append)
    guard.release()
    slicer.mrmlScene.RemoveNode(node)
    assert reasons == []


def test_a_result_stands_beside_its_input(slicer_host):
    import slicer
    from SlicerMambaMedLib.SubjectHierarchy import placeBeside

    scene = slicer.mrmlScene
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    placeBeside(volume, None)
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
    result = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "result")
    placeBeside(result, volume)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(result)) == study
    loose = scene.AddNewNodeByClass("vtkMRMLTextNode", "record")
    placeBeside(loose, scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "not in the tree yet"))
    assert hierarchy.GetItemByDataNode(loose) != 0
