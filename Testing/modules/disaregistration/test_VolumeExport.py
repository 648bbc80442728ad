"""Nodes to the engine's files: at their place, whatever their grids and parents."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from modules.disaregistration.doubles import OBLIQUE
from modules.disaregistration.doubles import add_volume
from modules.disaregistration.doubles import structure


def _matrix(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _linear(name, values):
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, dtype=float).ravel().tolist())
    node.SetMatrixTransformToParent(matrix)
    return node


TURN = np.array([[0.0, -1.0, 0.0, 11.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 0.0, 1.0]])


def _point(image, index):
    """Return the place of a voxel, RAS mm."""
    x, y, z = image.TransformContinuousIndexToPhysicalPoint([float(value) for value in index])
    return np.array([-x, -y, z])


def test_a_volume_is_written_where_it_lies_and_under_a_result_where_it_lies_below_it(slicer_host, tmp_path):
    from DISARegistrationLib.Placement import RESULT_ATTRIBUTE
    from DISARegistrationLib.Placement import resultTransformOver
    from DISARegistrationLib.VolumeExport import exportVolume

    voxels = structure((9, 7, 5))
    node = add_volume("CT", voxels, OBLIQUE)
    own = _linear("own", TURN)
    result = _linear("result", np.linalg.inv(TURN) @ TURN @ TURN)
    result.SetAttribute(RESULT_ATTRIBUTE, "result")
    own.SetAndObserveTransformNodeID(result.GetID())
    node.SetAndObserveTransformNodeID(own.GetID())
    for top, placement in ((None, TURN @ TURN), (resultTransformOver(node), TURN)):
        exported = exportVolume(node, tmp_path / "volume.nrrd", top)
        image = sitk.ReadImage(str(exported.path))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)
        for index in ((0, 0, 0), (8, 0, 0), (3, 6, 4)):
            np.testing.assert_allclose(_point(image, index), (placement @ OBLIQUE @ [*index, 1.0])[:3], atol=1e-9)


def test_colour_becomes_luminance_with_a_warning(slicer_host, tmp_path):
    from DISARegistrationLib.VolumeExport import exportVolume

    colour = np.zeros((1, 4, 6, 3), np.uint8)
    colour[..., 1] = 200
    colour[0, 0, 0] = (100, 0, 0)
    node = add_volume("HE", colour, np.diag([0.5, 0.5, 1.0, 1.0]), "vtkMRMLVectorVolumeNode")
    exported = exportVolume(node, tmp_path / "section.nrrd")
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(exported.path)))
    assert image[0, 1, 1] == pytest.approx(0.587 * 200)
    assert image[0, 0, 0] == pytest.approx(29.9)
    assert "in colour" in exported.warnings[0]


def test_under_a_warping_transform_a_volume_is_resampled_and_the_scene_is_as_it_was(slicer_host, tmp_path):
    import slicer
    import vtk
    from DISARegistrationLib.VolumeExport import exportVolume

    node = add_volume("CT", structure((12, 10, 8)), np.diag([2.0, 2.0, 3.0, 1.0]))
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "warp")
    grid = vtk.vtkImageData()
    grid.SetDimensions(2, 2, 2)
    grid.SetSpacing(100, 100, 100)
    grid.SetOrigin(-50, -50, -50)
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    for corner in range(8):
        grid.GetPointData().GetScalars().SetTuple3(corner, 4.0, 0.0, 0.0)  # constant: a shift, but not a linear node
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(grid)
    warp.SetAndObserveTransformFromParent(transform)
    node.SetAndObserveTransformNodeID(warp.GetID())
    before = slicer.util.arrayFromVolume(node).copy()
    exported = exportVolume(node, tmp_path / "warped.nrrd")
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(exported.path)))
    np.testing.assert_allclose(found[:, :, :10], before[:, :, 2:], rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), before)
    assert node.GetParentTransformNode() is warp
    assert "warping" in exported.warnings[0]


def test_a_segmentation_of_several_segments_becomes_one_mask_at_its_place(slicer_host, tmp_path):
    import slicer
    from DISARegistrationLib.VolumeExport import exportMask

    volume = add_volume("CT", structure((9, 7, 5)), OBLIQUE)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    expected = np.zeros((5, 7, 9), bool)
    for name, part in (("a", np.s_[1:3, 2:4, 3:6]), ("b", np.s_[3:5, 0:2, 7:9])):
        array = np.zeros(expected.shape, np.uint8)
        array[part] = 1
        expected[part] = True
        identifier = segmentation.GetSegmentation().AddEmptySegment(name, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, identifier, volume)
    segmentation.SetAndObserveTransformNodeID(_linear("turn", TURN).GetID())
    image = sitk.ReadImage(str(exportMask(segmentation, tmp_path / "mask.nrrd").path))
    found = sitk.GetArrayFromImage(image)
    places = {tuple(np.round(_point(image, index[::-1]), 4)) for index in np.argwhere(found).tolist()}
    wanted = [TURN @ OBLIQUE @ [*index[::-1], 1.0] for index in np.argwhere(expected).tolist()]
    assert places == {tuple(np.round(point[:3], 4)) for point in wanted}


def test_an_empty_mask_is_refused_with_its_name(slicer_host, tmp_path):
    import slicer
    from DISARegistrationLib.VolumeExport import exportMask

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "nothing")
    labels = add_volume("blank", np.zeros((3, 3, 3), np.uint8), np.eye(4), "vtkMRMLLabelMapVolumeNode")
    for node in (segmentation, labels):
        with pytest.raises(ValueError, match=f'"{node.GetName()}" is empty'):
            exportMask(node, tmp_path / "mask.nrrd")


def test_the_initial_transform_is_written_from_fixed_to_moving(slicer_host, tmp_path):
    from DISARegistrationLib.VolumeExport import exportInitialTransform

    exportInitialTransform(_linear("start", TURN), tmp_path / "start.tfm")
    transform = sitk.ReadTransform(str(tmp_path / "start.tfm"))
    moving = np.array([3.0, -4.0, 9.0])
    fixed = (TURN @ [*moving, 1.0])[:3]  # where the node puts the moving point
    x, y, z = transform.TransformPoint((-fixed[0], -fixed[1], fixed[2]))
    np.testing.assert_allclose((-x, -y, z), moving, atol=1e-12)


def test_landmarks_are_written_in_lps_without_those_that_are_not_placed(slicer_host, tmp_path):
    import slicer
    from DISARegistrationLib.VolumeExport import exportLandmarks
    from DISARegistrationLib.VolumeExport import landmarkPositions

    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "points")
    for position in ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)):
        points.AddControlPoint(position)
    points.UnsetNthControlPointPosition(0)
    points.SetAndObserveTransformNodeID(_linear("turn", TURN).GetID())
    positions = landmarkPositions(points)
    np.testing.assert_allclose(positions, [(TURN @ [4.0, 5.0, 6.0, 1.0])[:3]])
    exportLandmarks(positions, tmp_path / "points.csv")
    header, row = (tmp_path / "points.csv").read_text(encoding="utf-8").split()
    assert header == "x,y,z"
    np.testing.assert_allclose([float(value) for value in row.split(",")], positions[0] * [-1, -1, 1])
