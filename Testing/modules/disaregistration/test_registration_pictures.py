"""The tutorial of DISARegistration in a window of 1366 x 768: what a user sees, as pictures.

``MAMBAMED_WRITE_PICTURES=1`` writes them to ``docs/images``, else they are temporary.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from extension.cmake_lists import REPOSITORY
from modules.pictures import pictures_folder

pytestmark = [pytest.mark.slow, pytest.mark.shared_data]

TEMPLATE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
CT = Path("data") / "mr_ct" / "clinicaltbx" / "scct.nii.gz"
# Points that are easy to find in both templates, in their common space (RAS, mm).
LANDMARKS = {
    "left atrium of the ventricle": (-30.0, -46.0, 10.0),
    "right frontal horn": (12.0, 24.0, 8.0),
    "inner table, left": (-66.0, -20.0, 20.0),
    "clivus": (0.0, -18.0, -40.0),
}


@pytest.fixture
def pictures(tmp_path):
    return pictures_folder(tmp_path)


def _template_at_2_mm(folder: Path) -> Path:
    """Write the MR template at 2 mm, so that a deformation takes a minute."""
    import SimpleITK as sitk

    image = sitk.ReadImage(str(Path(find_spec("nilearn").origin).parent / "datasets" / "data" / TEMPLATE))
    half = sitk.BinShrink(sitk.Cast(image, sitk.sitkFloat32), (2, 2, 2))
    path = folder / "template.nrrd"
    sitk.WriteImage(half, str(path))
    return path


def _shrink(path: Path) -> None:
    """Write a picture anew with 256 colours, which is enough for grey slices and a panel."""
    from PIL import Image

    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def _misplacement() -> np.ndarray:
    """Return where the tutorial puts the CT: turned by 14 degrees and shifted."""
    from DISARegistrationLib.RegistrationSelfTest import motionMatrix

    return motionMatrix(14.0, (22.0, -15.0, 12.0))


def _transform(name, matrix):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    slicer.util.updateTransformMatrixFromArray(node, matrix)
    return node


def _points(name, matrix):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    for label, position in LANDMARKS.items():
        node.AddControlPoint((matrix @ [*position, 1.0])[:3], label)
    return node


def _misalignment_mm(volume) -> float:
    """Return how far the landmarks' places in a volume are from where they belong."""
    import slicer
    import vtk

    toWorld = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, toWorld)
    return max(np.linalg.norm(np.subtract(toWorld.TransformPoint(point), point)) for point in LANDMARKS.values())


def test_the_tutorial_as_a_user_sees_it(slicer_host_main_window, pictures, shared_folder, tmp_path):
    import slicer

    host = slicer_host_main_window
    module = host.load(REPOSITORY / "DISARegistration" / "DISARegistration.py")
    module.logic.registration.session.settings.jobsFolder = tmp_path / "jobs"
    panel, ui = module.widget.panel, module.ui
    host.waitUntil(lambda: "Engine ready" in panel.status.line.text, 120)
    template = Path(find_spec("nilearn").origin).parent / "datasets" / "data" / TEMPLATE
    fixed = slicer.util.loadVolume(str(template), {"name": "ICBM152T1"})
    moving = slicer.util.loadVolume(str(shared_folder / CT), {"name": "HeadCTTemplate"})
    misplaced = _transform("Misplaced", _misplacement())
    moving.SetAndObserveTransformNodeID(misplaced.GetID())
    for node, window in ((fixed, (20, 280)), (moving, (600, 3200))):
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(*window)
    slicer.util.setSliceViewerLayers(background=fixed, foreground=moving, foregroundOpacity=0.5, fit=True)
    ui.fixedSelector.setCurrentNode(fixed)
    ui.movingSelector.setCurrentNode(moving)
    if not os.environ.get("MAMBAMED_WRITE_PICTURES"):
        ui.startsSpinBox.value = 100  # the preset's 500 take longer than a test should
    ui.fixedLandmarksSelector.setCurrentNode(_points("MR points", np.eye(4)))
    ui.movingLandmarksSelector.setCurrentNode(_points("CT points", _misplacement()))
    host.waitUntil(lambda: module.find("applyButton").enabled, 30)
    assert panel.request().settings.preset == "head-mr-ct"
    assert _misalignment_mm(moving) > 20

    # Everything up to Apply is seen without scrolling.
    button = module.find("applyButton")
    bottom = button.mapTo(module.container, button.rect.bottomLeft()).y()
    assert bottom < host.main_window.scrolled_area()[1]
    host.grab_window(pictures / "registration-ready.png")

    module.click("applyButton")
    job = panel.jobPanel.job
    host.waitUntil(lambda: len(panel._curve[0]) > 4 or job.isFinished, 500)
    assert not job.isFinished
    host.grab_window(pictures / "registration-running.png")
    host.waitUntil(lambda: job.isFinished, 550)
    assert job.outcome == "done", job.message
    host.processEvents()
    assert _misalignment_mm(moving) < 6
    host.waitUntil(lambda: panel.comparison.mode == "blend", 10)
    ui.blendSlider.value = 0.4
    host.grab_window(pictures / "registration-result.png")

    ui.comparisonComboBox.setCurrentIndex(ui.comparisonComboBox.findData("checkerboard"))
    host.processEvents()
    assert panel.comparison.board is not None
    host.waitUntil(lambda: ui.landmarksTable.rowCount == len(LANDMARKS), 10)
    for name in ("inputsCollapsibleButton", "methodCollapsibleButton", "outputsCollapsibleButton"):
        module.find(name).collapsed = True
    ui.qualityCollapsibleButton.collapsed = True
    host.processEvents()
    module.grab(pictures / "registration-results.png", width=440)
    ui.qualityCollapsibleButton.collapsed = False
    ui.resultsCollapsibleButton.collapsed = True
    host.waitUntil(lambda: ui.landmarksTable.visible, 10)
    host.grab_window(pictures / "registration-checkerboard.png")
    after = [float(ui.landmarksTable.item(row, 2).text()) for row in range(len(LANDMARKS))]
    assert max(after) < 6
    ui.advancedCollapsibleButton.collapsed = False
    ui.qualityCollapsibleButton.collapsed = True
    host.processEvents()
    module.grab(pictures / "registration-advanced.png", width=440)
    panel.undo()
    assert moving.GetParentTransformNode() is misplaced
    for path in pictures.glob("registration-*.png"):
        _shrink(path)


@pytest.mark.skipif(not os.environ.get("MAMBAMED_WRITE_PICTURES"), reason="draws a picture and checks nothing new")
def test_a_deformation_as_a_user_sees_it(slicer_host_main_window, pictures, shared_folder, tmp_path):
    import slicer

    host = slicer_host_main_window
    module = host.load(REPOSITORY / "DISARegistration" / "DISARegistration.py")
    module.logic.registration.session.settings.jobsFolder = tmp_path / "jobs"
    panel, ui = module.widget.panel, module.ui
    host.waitUntil(lambda: "Engine ready" in panel.status.line.text, 120)
    fixed = slicer.util.loadVolume(str(_template_at_2_mm(tmp_path)), {"name": "ICBM152T1"})
    moving = slicer.util.loadVolume(str(shared_folder / CT), {"name": "HeadCTTemplate"})
    slicer.util.setSliceViewerLayers(background=fixed, foreground=moving, foregroundOpacity=0.5, fit=True)
    ui.fixedSelector.setCurrentNode(fixed)
    ui.movingSelector.setCurrentNode(moving)
    for combo, key in ((ui.methodComboBox, "mind-ssc"), (ui.transformComboBox, "deformable")):
        combo.setCurrentIndex(combo.findData(key))
    for combo, key in ((ui.searchComboBox, "local"), (ui.initialComboBox, "header")):
        combo.setCurrentIndex(combo.findData(key))
    host.waitUntil(lambda: module.find("applyButton").enabled, 30)
    module.click("applyButton")
    job = panel.jobPanel.job
    host.waitUntil(lambda: job.isFinished, 580)
    assert job.outcome == "done", job.message
    for name in ("inputs", "method", "outputs", "results"):
        module.find(f"{name}CollapsibleButton").collapsed = True
    ui.comparisonComboBox.setCurrentIndex(ui.comparisonComboBox.findData("jacobian"))
    host.waitUntil(lambda: ui.jacobianPlotLabel.visible, 10)
    host.grab_window(pictures / "registration-jacobian.png")
    _shrink(pictures / "registration-jacobian.png")
