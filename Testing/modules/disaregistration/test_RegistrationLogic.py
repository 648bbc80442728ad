"""Registration from a script, with the real engine: grids, parents, masks, sections; what fails is one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from modules.disaregistration.doubles import OBLIQUE
from modules.disaregistration.doubles import add_volume


@pytest.fixture
def logic(slicer_host, tmp_path):
    from DISARegistrationLib.RegistrationLogic import RegistrationLogic

    logic = RegistrationLogic()
    logic.session.settings.jobsFolder = tmp_path / "jobs"
    yield logic
    assert list((tmp_path / "jobs").glob("*")) == []


def _blobs(points_mm: np.ndarray) -> np.ndarray:
    """Return an image without symmetry at places (..., 3) in mm."""
    values = np.zeros(points_mm.shape[:-1])
    for center, width, height in (
        ((0, 0, 0), 30.0, 300.0),
        ((22, 10, -8), 12.0, 200.0),
        ((-18, 20, 12), 10.0, -150.0),
        ((5, -28, 15), 9.0, 250.0),
        ((-12, -14, -20), 11.0, 180.0),
    ):
        values += height * np.exp(-np.sum((points_mm - np.array(center)) ** 2, axis=-1) / (2 * width**2))
    return values.astype(np.float32)


def _sampled(name, size, ijk_to_ras, world_to_object=None):
    """Add a volume that shows the blobs, moved, on a grid of its own."""
    k, j, i = np.meshgrid(*(np.arange(count) for count in size[::-1]), indexing="ij")
    places = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ np.asarray(ijk_to_ras).T
    world = places if world_to_object is None else places @ np.asarray(world_to_object).T
    return add_volume(name, _blobs(world[..., :3]), ijk_to_ras)


def _motion(degrees, shift):
    from DISARegistrationLib.RegistrationSelfTest import motionMatrix

    return motionMatrix(degrees, shift)


def _centred(matrix, size):
    matrix = np.array(matrix, dtype=float)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    return matrix


def _linear(name, matrix):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    slicer.util.updateTransformMatrixFromArray(node, matrix)
    return node


def _left_mm(node, motion, extent=(30.0, 30.0, 20.0)):
    """Return how far the corners of the moved object are from where they belong, with the node's parents applied."""
    import slicer
    import vtk

    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), None, toWorld)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.array(extent)
    moved = (np.c_[corners, np.ones(8)] @ motion.T)[:, :3]
    return max(np.linalg.norm(np.subtract(toWorld.TransformPoint(p), c)) for p, c in zip(moved, corners, strict=True))


def test_other_spacings_orientations_and_a_parent_transform_end_in_the_right_place(logic):
    size = (30, 26, 18)
    fixed = _sampled("MR", size, _centred(OBLIQUE @ np.diag([1.5, 1.3, 1.2, 1.0]), size))
    motion = _motion(7.0, (6.0, -5.0, 4.0))
    other = (24, 28, 30)
    grid = _centred([[0, 0, -3.0, 0], [3.5, 0, 0, 0], [0, 3.2, 0, 0], [0, 0, 0, 1]], other)
    parent = _motion(-60.0, (15.0, 5.0, 0.0))
    # In its own coordinates the object is such that the parent brings it to the moved place in the world.
    moving = _sampled("CT", other, grid, np.linalg.inv(motion) @ parent)
    moving.SetAndObserveTransformNodeID(_linear("place", parent).GetID())
    inOwn = np.linalg.inv(parent) @ motion
    assert _left_mm(moving, inOwn) > 8
    nodes = logic.register(fixed, moving, method="ncc", initial="header", warped=False, device="cpu")
    assert _left_mm(moving, inOwn) < 2.5
    assert moving.GetParentTransformNode().GetParentTransformNode() is nodes.transform
    logic.undo(nodes.transform)
    assert moving.GetParentTransformNode().GetName() == "place"


def test_sections_of_one_slice_are_registered_in_their_plane(logic):
    size = (70, 60, 1)
    grid = _centred(np.diag([-1.5, -1.5, 1.0, 1.0]), size)
    motion = _motion(12.0, (5.0, -4.0, 0.0))
    fixed = _sampled("HE", size, grid)
    moving = _sampled("PanCK", size, grid, np.linalg.inv(motion))
    before = _left_mm(moving, motion, (30.0, 30.0, 0.0))
    nodes = logic.register(fixed, moving, preset="2d", transform="rigid", method="ncc", starts=40, device="cpu")
    assert before > 8
    assert _left_mm(moving, motion, (30.0, 30.0, 0.0)) < 2.5
    assert nodes.warped.GetImageData().GetDimensions() == size


def test_a_deformation_is_a_grid_transform_that_warps_as_the_engine_did(logic):
    import slicer
    from DISARegistrationLib.Checkerboard import resampledOnto
    from SlicerMambaMedLib.RunRecordNode import readRecord

    size = (26, 24, 20)
    grid = _centred(OBLIQUE @ np.diag([1.5, 1.2, 1.0, 1.0]), size)
    swell = np.diag([1.12, 0.9, 1.05, 1.0])
    fixed, moving = _sampled("MR", size, grid), _sampled("CT", size, grid, swell)
    nodes = logic.register(
        fixed,
        moving,
        method="mind-ssc",
        transform="deformable",
        initial="header",
        search="none",
        working_spacing_mm=3.0,
        iterations=10,
        device="cpu",
    )
    assert nodes.transform.IsA("vtkMRMLGridTransformNode")
    assert not nodes.transform.IsLinear()
    quality = readRecord(nodes.record)["quality"]
    counts = quality["jacobian_histogram"]["counts"]
    assert sum(counts) == np.prod(size)
    jacobian = slicer.util.arrayFromVolume(nodes.jacobian)
    assert jacobian.mean() == pytest.approx(quality["jacobian"]["mean"], abs=1e-3)
    assert nodes.jacobian.GetDisplayNode().GetColorNode().GetName() == "MambaMed Jacobian"
    shown, warped = resampledOnto(moving, fixed), slicer.util.arrayFromVolume(nodes.warped)
    inside = (slice(4, -4),) * 3
    np.testing.assert_allclose(shown[inside], warped[inside], atol=0.02 * float(warped.std()))
    before = slicer.util.arrayFromVolume(moving)[inside]  # on the same grid as the fixed volume
    assert np.abs(warped[inside] - before).max() > 0.1 * float(warped.std())


def test_masks_region_and_start_reach_the_engine(logic):
    import slicer
    from SlicerMambaMedLib.RunRecordNode import readRecord

    size = (30, 26, 18)
    grid = _centred(np.diag([-3.0, -3.0, 4.0, 1.0]), size)
    motion = _motion(20.0, (30.0, -20.0, 12.0))
    fixed, moving = _sampled("MR", size, grid), _sampled("CT", size, motion @ grid, np.linalg.inv(motion))
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organ")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(fixed)
    identifier = segmentation.GetSegmentation().AddEmptySegment("organ", "organ")
    mask = (slicer.util.arrayFromVolume(fixed) > 20).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, identifier, fixed)
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    region.SetCenter(0, 0, 0)
    region.SetSize(80, 70, 64)
    start = _linear("start", np.linalg.inv(_motion(17.0, (27.0, -22.0, 10.0))))
    nodes = logic.register(
        fixed,
        moving,
        method="ncc",
        fixedMask=segmentation,
        region=region,
        initialTransform=start,
        jacobian=False,
        warped=False,
        device="cpu",
    )
    assert _left_mm(moving, motion) < 2.5
    record = readRecord(nodes.record)
    assert [item["name"] for item in record["inputs"]] == ["fixed", "moving", "fixed-mask", "initial-transform"]
    assert record["settings"]["region_of_interest_lps_mm"] == [-40.0, 40.0, -35.0, 35.0, -32.0, 32.0]
    assert record["settings"]["initial"] == "transform"


def test_what_the_engine_refuses_is_one_sentence_and_the_scene_is_as_it_was(logic):
    import slicer

    size = (20, 18, 16)
    grid = _centred(np.diag([-3.0, -3.0, 4.0, 1.0]), size)
    fixed, moving = _sampled("MR", size, grid), _sampled("CT", size, grid)
    slicer.util.arrayFromVolume(moving)[:] = np.nan
    slicer.util.arrayFromVolume(moving)[0, 0, :2] = (1.0, 2.0)  # else it would be constant, which is seen before
    slicer.util.arrayFromVolumeModified(moving)
    with pytest.raises(RuntimeError) as caught:
        logic.register(fixed, moving, method="ncc", device="cpu")
    assert "Traceback" not in str(caught.value)
    assert str(caught.value).strip().endswith(".")
    assert moving.GetParentTransformNode() is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == 0
