"""A label map file to a segmentation node: SegmentationImport, Terminology, VolumeFile."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

SIZE = (9, 8, 7)
IJK_TO_RAS = np.array([[0.6, -0.5, 0.1, -20.3], [0.4, 0.9, 0.2, 7.7], [-0.1, 0.2, 2.0, 1 / 3], [0, 0, 0, 1]])
LABELS = [
    {
        "value": 1,
        "name": "grey matter",
        "color": [230, 159, 0],
        "terminology": {
            "category": {"scheme": "SCT", "code": "123037004", "meaning": "Anatomical Structure"},
            "type": {"scheme": "SCT", "code": "389080008", "meaning": "Gray matter"},
        },
    },
    {"value": 2, "name": "white matter", "color": [0, 114, 178], "terminology": {}},
    {"value": 5, "name": "lesion", "color": [213, 94, 0]},
]


def _orthogonal():
    """The matrix with its axes at right angles, as a file can hold it."""
    direction, _ = np.linalg.qr(IJK_TO_RAS[:3, :3])
    matrix = np.eye(4)
    matrix[:3, :3] = direction * np.array((0.7, 1.3, 2.2))
    matrix[:3, 3] = IJK_TO_RAS[:3, 3]
    return matrix


def _write(path, voxels, ijkToRas):
    image = SimpleITK.GetImageFromArray(voxels)
    toLps = np.diag([-1.0, -1, 1, 1]) @ ijkToRas
    spacing = np.linalg.norm(toLps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((toLps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(toLps[:3, 3].tolist())
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.fixture(params=["right-handed", "left-handed"])
def case(slicer_host, tmp_path, request):
    import slicer
    from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

    matrix = _orthogonal()
    if (np.linalg.det(matrix[:3, :3]) < 0) == (request.param == "right-handed"):
        matrix[:, 2] *= -1
    grid = VolumeGeometry.fromMatrix(SIZE, matrix)
    voxels = (np.random.default_rng(0).random(tuple(reversed(SIZE))) * 3).astype(np.uint8)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "head")
    slicer.util.updateVolumeFromArray(volume, voxels.astype(np.int16))
    volume.SetIJKToRASMatrix(grid.asVtkMatrix())
    return grid, voxels, volume, _write(tmp_path / "labels.nii.gz", voxels, matrix)


def _fill(case, labels=LABELS):
    import slicer
    from SlicerMambaMedLib.SegmentationImport import fillSegmentationNode
    from SlicerMambaMedLib.SegmentationImport import readSegments

    grid, _, volume, path = case
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "result")
    fillSegmentationNode(node, readSegments(path, grid, labels), volume)
    return node


def test_every_label_becomes_a_segment_with_its_voxels_in_place(case):
    import slicer
    from SlicerMambaMedLib.SegmentationImport import segmentIds

    _, voxels, volume, _ = case
    node = _fill(case)
    assert [node.GetSegmentation().GetSegment(i).GetName() for i in segmentIds(node)] == [
        label["name"] for label in LABELS
    ]
    for identifier, label in zip(segmentIds(node), LABELS, strict=True):
        found = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volume)
        np.testing.assert_array_equal(found, voxels == label["value"])


def test_the_segments_lie_at_the_inputs_place_to_the_last_digit(case):
    import slicer
    import vtk

    grid, _, _, _ = case
    node = _fill(case)
    image = slicer.vtkOrientedImageData()
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    node.GetBinaryLabelmapRepresentation(identifier, image)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    found = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    np.testing.assert_allclose(found, grid.matrix, rtol=0, atol=1e-12)


def test_all_labels_share_one_image(case):
    node = _fill(case)
    assert node.GetSegmentation().GetNumberOfLayers() == 1


def test_names_colours_and_terminology_come_from_the_record(case):
    node = _fill(case)
    segment = node.GetSegmentation().GetNthSegment(0)
    np.testing.assert_allclose(segment.GetColor(), np.array([230, 159, 0]) / 255)
    entry = _tag(segment)
    assert entry.split("~")[1:3] == ["SCT^123037004^Anatomical Structure", "SCT^389080008^Gray matter"]
    assert len(entry.split("~")) == 7
    assert "Gray matter" not in (_tag(node.GetSegmentation().GetNthSegment(2)) or "")


def _tag(segment):
    import vtk

    reference = vtk.reference("")
    found = segment.GetTag(segment.GetTerminologyEntryTagName(), reference)
    return str(reference) if found else None


def test_the_input_is_the_reference_of_the_segmentation(case):
    node = _fill(case)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is case[2]
    assert node.GetDisplayNode() is not None


def test_surfaces_can_be_made(case):
    assert _fill(case).CreateClosedSurfaceRepresentation()


def test_a_result_on_another_grid_is_refused(case, tmp_path):
    from SlicerMambaMedLib.SegmentationImport import readSegments

    grid, voxels, _, _ = case
    moved = grid.matrix.copy()
    moved[0, 3] += 1.0
    path = _write(tmp_path / "moved.nii.gz", voxels, moved)
    with pytest.raises(ValueError, match="does not lie on the input's grid"):
        readSegments(path, grid, LABELS)
    path = _write(tmp_path / "smaller.nii.gz", voxels[1:], grid.matrix)
    with pytest.raises(ValueError, match="does not lie on the input's grid"):
        readSegments(path, grid, LABELS)


def test_a_file_that_is_no_image_is_named(case, tmp_path):
    from SlicerMambaMedLib.SegmentationImport import readSegments

    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"broken.nii.gz cannot be read"):
        readSegments(broken, case[0], LABELS)
    with pytest.raises(ValueError, match="does not exist"):
        readSegments(tmp_path / "absent.nii.gz", case[0], LABELS)


def test_codes_that_would_break_the_notation_are_made_harmless():
    from SlicerMambaMedLib.Terminology import terminologyEntry

    code = {"scheme": "SCT", "code": "1", "meaning": "a~b^c"}
    assert terminologyEntry({"category": code, "type": code}).count("~") == 6
    assert terminologyEntry({"category": code}) == ""
    assert terminologyEntry(None) == ""
