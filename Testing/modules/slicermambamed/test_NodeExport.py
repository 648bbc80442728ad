"""Volumes to files: VolumeGeometry, NrrdFile, NodeExport. The truth is SimpleITK's own reading of the file."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import SimpleITK


def _rotation(axis, degrees):
    axis = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


DIRECTIONS = {
    "straight": np.eye(3),
    "flipped": np.diag([-1.0, 1.0, -1.0]),
    "permuted": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    "oblique": _rotation((1, 2, 3), 33.0),
}
SIZE = (6, 5, 4)
SPACING = (1 / 3, 0.7, 2.1)
ORIGIN = (1 / 7, -22.1, 1e-3)


def _matrix(direction):
    matrix = np.eye(4)
    matrix[:3, :3] = direction * np.array(SPACING)
    matrix[:3, 3] = ORIGIN
    return matrix


def _volume(scene, matrix, dtype=np.int16, name="head"):
    import slicer
    from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    voxels = np.arange(np.prod(SIZE)).reshape(tuple(reversed(SIZE))).astype(dtype)
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetIJKToRASMatrix(VolumeGeometry.fromMatrix(SIZE, matrix).asVtkMatrix())
    return node, voxels


def _positions_ras(image):
    """RAS position of every voxel, by SimpleITK's own account (LPS)."""
    indices = [(i, j, k) for k in range(SIZE[2]) for j in range(SIZE[1]) for i in range(SIZE[0])]
    points = np.array([image.TransformContinuousIndexToPhysicalPoint(index) for index in indices])
    return np.array(indices), points * (-1, -1, 1)


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_the_file_lies_where_the_volume_lies(slicer_host, tmp_path, name, dtype):
    import slicer
    from SlicerMambaMedLib.NodeExport import exportVolume

    matrix = _matrix(DIRECTIONS[name])
    node, voxels = _volume(slicer.mrmlScene, matrix, dtype)
    exported = exportVolume(node, tmp_path / "x.nrrd")
    image = SimpleITK.ReadImage(str(exported.path))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), voxels)
    assert SimpleITK.GetArrayFromImage(image).dtype == dtype
    indices, points = _positions_ras(image)
    expected = (np.c_[indices, np.ones(len(indices))] @ matrix.T)[:, :3]
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(image.GetSpacing(), SPACING, rtol=1e-14)
    assert exported.sha256 == hashlib.sha256(exported.path.read_bytes()).hexdigest()
    assert exported.warnings == ()


def test_a_linear_parent_transform_goes_into_the_grid_and_the_scene_stays(slicer_host, tmp_path):
    import slicer
    import vtk
    from SlicerMambaMedLib.NodeExport import exportVolume

    matrix = _matrix(DIRECTIONS["oblique"])
    node, voxels = _volume(slicer.mrmlScene, matrix)
    toWorld = np.eye(4)
    toWorld[:3, :3] = _rotation((0, 1, 1), 20.0)
    toWorld[:3, 3] = (5, -6, 7)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    vtkMatrix = vtk.vtkMatrix4x4()
    vtkMatrix.DeepCopy(toWorld.ravel())
    transform.SetMatrixTransformToParent(vtkMatrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    before = slicer.mrmlScene.GetNumberOfNodes()
    exported = exportVolume(node, tmp_path / "x.nrrd")
    indices, points = _positions_ras(SimpleITK.ReadImage(str(exported.path)))
    expected = (np.c_[indices, np.ones(len(indices))] @ (toWorld @ matrix).T)[:, :3]
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), voxels)
    assert node.GetParentTransformNode() is transform
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_under_a_warp_the_voxels_are_resampled_and_the_user_is_told(slicer_host, tmp_path):
    import slicer
    import vtk
    import vtk.util.numpy_support
    from SlicerMambaMedLib.NodeExport import exportVolume

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "head")
    voxels = np.zeros((12, 12, 12), np.float32)
    voxels[5:7, 5:7, 2:4] = 100
    slicer.util.updateVolumeFromArray(node, voxels)
    grid = vtk.vtkImageData()
    grid.SetDimensions(5, 5, 5)
    grid.SetSpacing(6, 6, 6)
    grid.SetOrigin(-6, -6, -6)
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    field = vtk.util.numpy_support.vtk_to_numpy(grid.GetPointData().GetScalars())
    field[:] = (4.0, 0.0, 0.0)
    warp = slicer.vtkOrientedGridTransform()
    warp.SetDisplacementGridData(grid)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    transform.SetAndObserveTransformToParent(warp)
    node.SetAndObserveTransformNodeID(transform.GetID())
    exported = exportVolume(node, tmp_path / "x.nrrd")
    moved = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(exported.path)))
    center = np.argwhere(moved > 50).mean(axis=0)
    np.testing.assert_allclose(center, (5.5, 5.5, 6.5), atol=0.3)
    assert "warping transform" in exported.warnings[0]
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), voxels)


def test_a_sheared_grid_is_exported_as_it_is_with_a_warning(slicer_host, tmp_path):
    import slicer
    from SlicerMambaMedLib.NodeExport import exportVolume

    matrix = _matrix(np.eye(3))
    matrix[1, 2] = 0.4
    node, _ = _volume(slicer.mrmlScene, matrix)
    exported = exportVolume(node, tmp_path / "x.nrrd")
    assert "sheared" in exported.warnings[0]
    np.testing.assert_allclose(exported.geometry.matrix, matrix, atol=1e-12)


def test_unusable_volumes_are_named_with_the_reason(slicer_host, tmp_path):
    import slicer
    import vtk
    from SlicerMambaMedLib.NodeExport import exportVolume
    from SlicerMambaMedLib.NodeExport import isVolumeUsable

    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
    assert '"hollow" holds no image' in isVolumeUsable(empty)
    assert isVolumeUsable(None) == "No volume is chosen."
    colour = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    image = vtk.vtkImageData()
    image.SetDimensions(3, 3, 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    colour.SetAndObserveImageData(image)
    assert "3 values per voxel" in isVolumeUsable(colour)
    with pytest.raises(ValueError, match="holds no image"):
        exportVolume(empty, tmp_path / "x.nrrd")
    assert list(tmp_path.iterdir()) == []


def test_the_region_is_given_in_lps_whatever_its_own_transform(slicer_host):
    import slicer
    import vtk
    from SlicerMambaMedLib.NodeExport import regionLpsMm

    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    region.SetCenter(10, 20, 30)
    region.SetSize(2, 4, 6)
    assert regionLpsMm(region) == pytest.approx((-11, -9, -22, -18, 27, 33))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100.0)
    transform.SetMatrixTransformToParent(matrix)
    region.SetAndObserveTransformNodeID(transform.GetID())
    assert regionLpsMm(region) == pytest.approx((-111, -109, -22, -18, 27, 33))


def test_a_region_without_extent_is_refused(slicer_host):
    import slicer
    from SlicerMambaMedLib.NodeExport import regionLpsMm

    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "point")
    with pytest.raises(ValueError, match='"point" has no extent'):
        regionLpsMm(region)


def test_same_grid_allows_what_single_precision_loses_and_no_more():
    from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

    matrix = _matrix(DIRECTIONS["oblique"])
    grid = VolumeGeometry.fromMatrix(SIZE, matrix)
    rounded = VolumeGeometry.fromMatrix(SIZE, matrix.astype(np.float32))
    assert grid.isSameGrid(rounded)
    assert VolumeGeometry.fromJson(grid.toJson()) == grid
    shifted = matrix.copy()
    shifted[0, 3] += 0.02
    assert not grid.isSameGrid(VolumeGeometry.fromMatrix(SIZE, shifted))
    flipped = matrix.copy()
    flipped[:, 0] *= -1
    assert not grid.isSameGrid(VolumeGeometry.fromMatrix(SIZE, flipped))
    assert not grid.isSameGrid(VolumeGeometry.fromMatrix((5, 6, 4), matrix))


def test_an_array_of_another_shape_is_refused(tmp_path):
    from SlicerMambaMedLib.NrrdFile import writeNrrd
    from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

    grid = VolumeGeometry.fromMatrix(SIZE, np.eye(4))
    with pytest.raises(ValueError, match="voxels along i, j, k"):
        writeNrrd(tmp_path / "x.nrrd", np.zeros(SIZE), grid)
    with pytest.raises(ValueError, match="complex"):
        writeNrrd(tmp_path / "x.nrrd", np.zeros(tuple(reversed(SIZE)), complex), grid)
