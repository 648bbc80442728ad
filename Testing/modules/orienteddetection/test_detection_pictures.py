"""The tutorial of OrientedDetection in a window of 1366 x 768: what a user sees, as pictures.

``MAMBAMED_WRITE_PICTURES=1`` writes them to ``docs/images``, else they are temporary.
"""

from __future__ import annotations

import pytest
from extension.cmake_lists import REPOSITORY
from modules.pictures import colorful_share
from modules.pictures import pictures_folder
from modules.pictures import reduce_colors

pytestmark = pytest.mark.slow


@pytest.fixture
def docs(tmp_path):
    return pictures_folder(tmp_path)


def test_the_tutorial_as_a_user_sees_it(slicer_host_main_window, docs, tmp_path):
    import SampleData
    import slicer
    from OrientedDetectionLib.DetectionResult import DetectionResult
    from OrientedDetectionLib.DetectionSample import TUTORIAL_PICTURE

    host = slicer_host_main_window
    module = host.load(REPOSITORY / "OrientedDetection" / "OrientedDetection.py")
    module.logic.detection.session.settings.jobsFolder = tmp_path / "jobs"
    panel, ui = module.widget.panel, module.ui
    host.waitUntil(lambda: "Engine ready" in panel.status.line.text, 240)
    volume = SampleData.downloadSample(TUTORIAL_PICTURE.name)
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 220)
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    ui.inputSelector.setCurrentNode(volume)
    host.waitUntil(lambda: module.find("applyButton").enabled, 60, "Apply enabled")

    # Everything up to Apply is seen without scrolling.
    button = module.find("applyButton")
    bottom = button.mapTo(module.container, button.rect.bottomLeft()).y()
    assert bottom < host.main_window.scrolled_area()[1]
    before = host.grab_window(docs / "detection-ready.png")
    greyViews = colorful_share(before, left=450)

    module.click("applyButton")
    job = panel.jobPanel.job
    host.waitUntil(lambda: job.isFinished, 600)
    assert job.outcome == "done", job.message
    host.waitUntil(lambda: ui.detectionsTable.rowCount > 10, 30)
    ui.inputsCollapsibleButton.collapsed = True
    ui.modelCollapsibleButton.collapsed = True
    ui.outputsCollapsibleButton.collapsed = True
    host.processEvents()
    after = host.grab_window(docs / "detection-result.png")
    assert colorful_share(after, left=450) > greyViews + 0.005
    items = DetectionResult(job.nodes.record).items
    ui.scoreSlider.value = 0.6
    shown = [item for item in items if item.score >= ui.scoreSlider.value]
    assert ui.countLabel.text == f"{len(shown)} of {len(items)} shown"
    ui.detectionsTable.selectRow(2)
    ui.detectionsTable.cellClicked(2, 0)
    host.processEvents()
    host.grab_window(docs / "detection-filtered.png")
    for path in docs.glob("detection-[rf]*.png"):
        reduce_colors(path)
