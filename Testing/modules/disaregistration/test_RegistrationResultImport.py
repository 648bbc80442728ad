"""Results in the scene: the way that MRML goes is the way that ITK goes, and undo takes everything back."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from modules.disaregistration.doubles import OBLIQUE
from modules.disaregistration.doubles import FinishedDirectory
from modules.disaregistration.doubles import FinishedJob
from modules.disaregistration.doubles import add_volume
from modules.disaregistration.doubles import smooth_field
from modules.disaregistration.doubles import structure
from modules.disaregistration.doubles import write_outputs

MOVING_GRID = np.array([[-1.5, 0, 0, 24.0], [0, 0, 3.5, -26.0], [0, 2.0, 0, -25.0], [0, 0, 0, 1]])
PARENT = np.array([[0.98, -0.199, 0, 6.0], [0.199, 0.98, 0, -4.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])


def _linear(name, values):
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, dtype=float).ravel().tolist())
    node.SetMatrixTransformToParent(matrix)
    return node


def _pair():
    fixed = add_volume("MR", structure((21, 17, 13), 1), OBLIQUE)
    moving = add_volume("CT", structure((31, 24, 15), 2), MOVING_GRID)
    return fixed, moving


class Run:
    """A registration that has just ended: exported inputs, outputs by SimpleITK, imported nodes."""

    def __init__(self, folder, fixed, moving, kind="deformable", settings=None, extras=True, **nodes):
        import slicer
        from DISARegistrationLib.MovedNodes import Placed
        from DISARegistrationLib.RegistrationLogic import RegistrationLogic
        from DISARegistrationLib.RegistrationRequest import RegistrationRequest
        from DISARegistrationLib.RegistrationResultImport import RegistrationResultImport
        from mambamed.registration.settings import RegistrationSettings
        from SlicerMambaMedLib.SceneChange import SceneChange

        isPreview = nodes.pop("isPreview", False)
        self.logic = RegistrationLogic()
        settings = settings or RegistrationSettings(initial="header")
        self.request = RegistrationRequest(fixed, moving, settings, isPreview=isPreview, **nodes)
        files = self.logic.writeFiles(self.request, folder)
        inputs = files.inputs
        self.files = {item["name"]: item["path"] for item in inputs}
        fixedImage = sitk.ReadImage(self.files["fixed"])
        if kind == "deformable":
            self.transform = sitk.DisplacementFieldTransform(smooth_field(fixedImage))
        else:
            self.transform = sitk.Euler3DTransform((0, 0, 0), 0.05, -0.1, 0.15, (3.0, -2.0, 4.0))
        outputs = write_outputs(folder / "out", self.files["fixed"], self.files["moving"], self.transform, extras)
        record = {"task": "register", "settings": settings.to_json(), "inputs": inputs, "quality": {}}
        placed = [Placed(node) for node in (moving, nodes.get("movingLandmarks")) if node is not None]
        importer = RegistrationResultImport(self.request, files.grid, placed, slicer.mrmlScene)
        with SceneChange(slicer.mrmlScene):
            self.nodes = importer(FinishedDirectory(outputs, record), FinishedJob(files.warnings))


def _write_transform(node, path):
    import slicer

    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(path))
    assert storage.WriteData(node)
    return path


@pytest.mark.parametrize("parent", [None, PARENT], ids=["no parent", "parent transform"])
@pytest.mark.parametrize(
    ("kind", "suffix"), [("rigid", ".h5"), ("rigid", ".tfm"), ("deformable", ".h5"), ("deformable", ".nrrd")]
)
def test_the_transform_saved_from_the_scene_gives_with_simpleitk_what_the_scene_shows(
    slicer_host, tmp_path, kind, suffix, parent
):
    import slicer
    from DISARegistrationLib.Checkerboard import resampledOnto

    fixed, moving = _pair()
    if parent is not None:
        moving.SetAndObserveTransformNodeID(_linear("place", parent).GetID())
    run = Run(tmp_path, fixed, moving, kind)
    shown = resampledOnto(moving, fixed)

    saved = _write_transform(run.nodes.transform, tmp_path / f"saved{suffix}")
    if suffix == ".nrrd":
        field = sitk.ReadImage(str(saved), sitk.sitkVectorFloat64)
        transform = sitk.DisplacementFieldTransform(field)
    else:
        transform = sitk.ReadTransform(str(saved))
    movingImage = sitk.ReadImage(run.files["moving"])
    background = float(sitk.GetArrayViewFromImage(movingImage).min())
    applied = sitk.Resample(movingImage, sitk.ReadImage(run.files["fixed"]), transform, sitk.sitkLinear, background)
    warped = sitk.GetArrayFromImage(applied)
    inside = (warped > background) & (shown > background)
    assert inside.mean() > 0.3
    contrast = float(warped[inside].std())
    np.testing.assert_allclose(shown[inside], warped[inside], atol=0.01 * contrast)
    # The border of the moving volume is drawn within a voxel of the same place.
    assert (warped > background).sum() == pytest.approx((shown > background).sum(), rel=0.1)
    np.testing.assert_allclose(slicer.util.arrayFromVolume(run.nodes.warped)[inside], warped[inside], rtol=1e-4)


def test_a_coloured_section_is_moved_in_colour_and_its_luminance_is_resampled(slicer_host, tmp_path):
    import slicer

    grid = np.diag([-0.5, -0.5, 1.0, 1.0])
    colour = np.repeat(structure((24, 20, 1))[..., None], 3, axis=-1).astype(np.uint8)
    fixed = add_volume("HE", colour, grid, "vtkMRMLVectorVolumeNode")
    moving = add_volume("PanCK", colour[:, ::-1], grid, "vtkMRMLVectorVolumeNode")
    run = Run(tmp_path, fixed, moving, "rigid")
    assert moving.GetParentTransformNode() is run.nodes.transform
    assert moving.GetImageData().GetNumberOfScalarComponents() == 3
    assert slicer.util.arrayFromVolume(run.nodes.warped).shape == (1, 20, 24)
    assert [warning for warning in run.nodes.warnings if "in colour" in warning]


def test_the_inverse_brings_the_fixed_volume_onto_the_moving_one(slicer_host, tmp_path):
    fixed, moving = _pair()
    run = Run(tmp_path, fixed, moving, "deformable")
    there, back = run.nodes.transform.GetTransformFromParent(), run.nodes.inverse.GetTransformFromParent()
    for index in ((9, 8, 6), (10, 9, 5), (12, 7, 7)):
        point = (OBLIQUE @ [*index, 1.0])[:3]
        assert np.linalg.norm(np.array(there.TransformPoint(point)) - point) > 0.2
        np.testing.assert_allclose(back.TransformPoint(there.TransformPoint(point)), point, atol=0.3)


def test_a_parent_stays_in_between_and_its_other_children_stay_where_they_are(slicer_host, tmp_path):
    import vtk
    from DISARegistrationLib.Placement import matrixAsArray

    fixed, moving = _pair()
    parent = _linear("place", PARENT)
    neighbour = add_volume("neighbour", structure((5, 5, 5)), np.eye(4))
    for node in (moving, neighbour):
        node.SetAndObserveTransformNodeID(parent.GetID())
    run = Run(tmp_path, fixed, moving, "rigid")
    assert neighbour.GetParentTransformNode() is parent
    assert parent.GetParentTransformNode() is None
    toWorld, result = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    moving.GetParentTransformNode().GetMatrixTransformToWorld(toWorld)
    run.nodes.transform.GetMatrixTransformToParent(result)
    np.testing.assert_allclose(matrixAsArray(toWorld), matrixAsArray(result) @ PARENT, atol=1e-12)
    run.logic.undo(run.nodes.transform)
    assert moving.GetParentTransformNode() is parent


def _nodes(scene):
    return sorted(scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes()))


def test_undo_returns_everything(slicer_host, tmp_path):
    import slicer
    from DISARegistrationLib.JacobianColors import jacobianColorNode
    from SlicerMambaMedLib.ColorMaps import heatMapNode

    fixed, moving = _pair()
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "points")
    points.AddControlPoint((1.0, 2.0, 3.0))
    for colors in (heatMapNode, jacobianColorNode):  # they stay in a scene once they are there
        colors(slicer.mrmlScene)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    before = _nodes(slicer.mrmlScene)
    run = Run(tmp_path, fixed, moving, movingLandmarks=points)
    assert moving.GetParentTransformNode() is run.nodes.transform
    assert points.GetParentTransformNode() is run.nodes.transform
    run.logic.undo(run.nodes.transform)
    assert _nodes(slicer.mrmlScene) == before
    assert moving.GetParentTransformNode() is None
    assert points.GetParentTransformNode() is None


def test_a_second_registration_begins_below_the_first_and_its_undo_returns_to_the_first(slicer_host, tmp_path):
    fixed, moving = _pair()
    first = Run(tmp_path, fixed, moving, "rigid")
    (tmp_path / "again").mkdir()
    second = Run(tmp_path / "again", fixed, moving, "deformable")
    images = [sitk.ReadImage(run.files["moving"]) for run in (first, second)]
    np.testing.assert_allclose(images[0].GetOrigin(), images[1].GetOrigin())
    assert moving.GetParentTransformNode() is second.nodes.transform
    second.logic.undo(second.nodes.transform)
    assert moving.GetParentTransformNode() is first.nodes.transform


def test_undo_leaves_a_volume_alone_that_the_user_put_elsewhere(slicer_host, tmp_path):
    fixed, moving = _pair()
    run = Run(tmp_path, fixed, moving, "rigid")
    own = _linear("by hand", PARENT)
    moving.SetAndObserveTransformNodeID(own.GetID())
    run.logic.undo(run.nodes.transform)
    assert moving.GetParentTransformNode() is own


def test_slicers_own_undo_takes_the_result_back_too_where_it_is_switched_on(slicer_host, tmp_path):
    import slicer

    scene = slicer.mrmlScene
    for name in ("vtkMRMLTextNode", "vtkMRMLLinearTransformNode", "vtkMRMLScalarVolumeNode"):
        default = scene.CreateNodeByClass(name)
        default.SetUndoEnabled(True)
        scene.AddDefaultNode(default)
        default.UnRegister(None)
    scene.SetUndoOn()
    scene.ClearUndoStack()
    try:
        fixed, moving = _pair()
        place = _linear("place", PARENT)
        moving.SetAndObserveTransformNodeID(place.GetID())
        run = Run(tmp_path, fixed, moving, "rigid", extras=False)
        names = [run.nodes.transform.GetName(), run.nodes.record.GetName()]
        assert scene.GetNumberOfUndoLevels() == 1
        scene.Undo()
        assert scene.GetFirstNodeByName("CT").GetParentTransformNode().GetName() == "place"
        for name in names[1:]:
            assert scene.GetFirstNodeByName(name) is None
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()


def test_a_preview_is_not_listed_not_saved_and_ends_without_a_trace(slicer_host, tmp_path):
    import slicer

    fixed, moving = _pair()
    parent = _linear("place", PARENT)
    moving.SetAndObserveTransformNodeID(parent.GetID())
    before = _nodes(slicer.mrmlScene)
    run = Run(tmp_path, fixed, moving, "rigid", extras=False, isPreview=True)
    assert run.nodes.record is None
    transform = run.nodes.transform
    assert moving.GetParentTransformNode().GetParentTransformNode() is transform
    assert transform.GetHideFromEditors()
    assert not transform.GetSaveWithScene()
    run.logic.endPreview()
    assert _nodes(slicer.mrmlScene) == before
    assert moving.GetParentTransformNode() is parent


def test_a_result_that_cannot_be_read_leaves_the_scene_and_the_volumes_place(slicer_host, tmp_path):
    import slicer
    from DISARegistrationLib.MovedNodes import Placed
    from DISARegistrationLib.RegistrationResultImport import RegistrationResultImport
    from SlicerMambaMedLib.SceneChange import SceneChange
    from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

    fixed, moving = _pair()
    parent = _linear("place", PARENT)
    moving.SetAndObserveTransformNodeID(parent.GetID())
    run = Run(tmp_path, fixed, moving)
    run.logic.undo(run.nodes.transform)
    before = _nodes(slicer.mrmlScene)
    outputs = {name: tmp_path / "out" / name for name in ("transform", "inverse")}
    outputs["transform"] = tmp_path / "out" / "transform.h5"
    outputs["inverse"].write_text("no transform")
    importer = RegistrationResultImport(
        run.request, VolumeGeometry.ofVolumeNode(fixed), [Placed(moving)], slicer.mrmlScene
    )
    record = {"task": "register", "settings": {}, "inputs": []}
    with pytest.raises(ValueError, match="cannot be read"), SceneChange(slicer.mrmlScene):
        importer(FinishedDirectory(outputs, record), FinishedJob())
    assert _nodes(slicer.mrmlScene) == before
    assert moving.GetParentTransformNode() is parent


def test_a_record_names_its_inputs_and_can_be_repeated(slicer_host, tmp_path):
    import slicer
    from mambamed.registration.settings import RegistrationSettings

    fixed, moving = _pair()
    labels = add_volume("mask", np.ones((13, 17, 21), np.uint8), OBLIQUE, "vtkMRMLLabelMapVolumeNode")
    start = _linear("start", PARENT)
    settings = RegistrationSettings(method="ncc", transform="affine", initial="transform")
    run = Run(tmp_path, fixed, moving, settings=settings, fixedMask=labels, initialTransform=start)
    again = run.logic.requestFromRecord(run.nodes.record)
    assert again.inputNodes == run.request.inputNodes
    assert again.settings == settings
    (tmp_path / "again").mkdir()
    assert run.logic.writeFiles(again, tmp_path / "again").warnings == []  # below the result nothing has changed
    slicer.util.arrayFromVolume(moving)[:] += 1
    slicer.util.arrayFromVolumeModified(moving)
    warnings = run.logic.writeFiles(again, tmp_path / "again").warnings
    assert warnings == ['"CT" has changed since the run that is repeated.']
    slicer.mrmlScene.RemoveNode(fixed)
    with pytest.raises(ValueError, match="3 of the 4 input volumes"):
        run.logic.requestFromRecord(run.nodes.record)


@pytest.mark.parametrize("kind", ["rigid", "deformable"])
def test_a_saved_scene_keeps_the_result_and_its_undo(slicer_host, tmp_path, kind):
    import slicer
    from DISARegistrationLib.Checkerboard import resampledOnto
    from DISARegistrationLib.RegistrationLogic import RegistrationLogic

    # Right-handed: MRML's reader turns one axis of other grids around, and the arrays could not be compared.
    fixed = add_volume("MR", structure((21, 17, 13), 1), OBLIQUE @ np.diag([-1.0, 1.0, 1.0, 1.0]))
    moving = add_volume("CT", structure((31, 24, 15), 2), MOVING_GRID)
    moving.SetAndObserveTransformNodeID(_linear("place", PARENT).GetID())
    run = Run(tmp_path, fixed, moving, kind, extras=False)
    before = resampledOnto(moving, fixed)
    name = run.nodes.transform.GetName()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(path)
    fixed, moving, transform = (slicer.util.getNode(other) for other in ("MR", "CT", name))
    after = resampledOnto(moving, fixed)
    # MRML reads a field for cubic interpolation, so a deformation may differ by parts of a voxel's contrast.
    np.testing.assert_allclose(after, before, atol=(0.01 if kind == "rigid" else 0.1) * float(before.std()))
    RegistrationLogic().undo(transform)
    assert moving.GetParentTransformNode().GetName() == "place"
    assert slicer.mrmlScene.GetFirstNodeByName(name) is None
