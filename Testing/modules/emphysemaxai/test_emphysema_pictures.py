"""The module with the bundled models on a chest CT, in a window of 1366 x 768: what a user sees, as pictures.

``MAMBAMED_WRITE_PICTURES=1`` writes them to ``docs/images``, else they are temporary.
"""

from __future__ import annotations

import os

import pytest
from extension.cmake_lists import REPOSITORY
from modules.pictures import colorful_share
from modules.pictures import pictures_folder
from modules.pictures import reduce_colors
from SlicerMambaMedLib.RunRecordNode import readRecord

pytestmark = pytest.mark.slow


@pytest.fixture
def docs(tmp_path):
    return pictures_folder(tmp_path)


def test_the_tutorial_as_a_user_sees_it(slicer_host_main_window, docs, tmp_path, shared_folder):
    import slicer

    host = slicer_host_main_window
    module = host.load(REPOSITORY / "EmphysemaXAI" / "EmphysemaXAI.py")
    module.logic.emphysema.session.settings.jobsFolder = tmp_path / "jobs"
    panel, ui = module.widget.panel, module.ui
    host.waitUntil(lambda: "Engine ready" in panel.status.line.text, 120)
    file = shared_folder / "data" / "chest_ct" / "cip" / "ct-64.nrrd"
    volume = slicer.util.loadVolume(str(file), {"name": "ChestCT64"})
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(-1100, 200)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    ui.inputSelector.setCurrentNode(volume)
    ui.kernelEdit.text = "STANDARD"
    if not os.environ.get("MAMBAMED_WRITE_PICTURES"):
        ui.patternsCheckBox.checked = False  # the map takes longer than a test should; the engine's tests make one
    host.waitUntil(lambda: module.find("applyButton").enabled, 30, "Apply enabled")

    # Everything up to Apply is seen without scrolling.
    button = module.find("applyButton")
    bottom = button.mapTo(module.container, button.rect.bottomLeft()).y()
    assert bottom < host.main_window.scrolled_area()[1]
    before = host.grab_window(docs / "emphysema-ready.png")
    greyViews = colorful_share(before, left=450)

    module.click("applyButton")
    job = panel.jobPanel.job
    host.waitUntil(lambda: job.isFinished, 900)
    assert job.outcome == "done", job.message
    host.waitUntil(lambda: ui.measuresTable.rowCount == 9, 30)
    record = readRecord(job.nodes.record)
    assert 15 < record["regions"]["whole lung"]["laa950_percent"] < 27  # 21 % by the data set's own lung mask
    ui.inputsCollapsibleButton.collapsed = True
    ui.modelCollapsibleButton.collapsed = True
    ui.outputsCollapsibleButton.collapsed = True
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *job.nodes.regions.GetSegmentCenterRAS("left middle third"))
    after = host.grab_window(docs / "emphysema-density.png")
    assert colorful_share(after, left=450) > greyViews + 0.01
    module.click("showTableButton")
    host.grab_window(docs / "emphysema-table.png")
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    # What needs a model is there as far as the models are installed.
    assert ui.resultTabs.isTabEnabled(1) == panel._parameters.patterns
    if panel._parameters.patterns:
        ui.resultTabs.setCurrentIndex(1)
        ui.overlayComboBox.setCurrentIndex(ui.overlayComboBox.findText("Local patterns"))
        patterns = host.grab_window(docs / "emphysema-patterns.png")
        assert colorful_share(patterns, left=450) > greyViews + 0.05
    assert ui.resultTabs.isTabEnabled(2) == panel._parameters.severity
    if panel._parameters.severity:
        ui.resultTabs.setCurrentIndex(2)
        ui.overlayComboBox.setCurrentIndex(ui.overlayComboBox.findText("Grad-CAM"))
        ui.opacitySlider.value = 0.6
        host.grab_window(docs / "emphysema-severity.png")
        assert "Demonstration model" in ui.severityBrowser.plainText
        ui.resultTabs.setCurrentIndex(3)
        host.processEvents()
        host.grab_window(docs / "emphysema-checks.png")

    folder = tmp_path / "report"
    panel.report.chooseFolder = lambda: str(folder)
    module.click("reportButton")
    host.waitUntil(lambda: not panel.jobPanel.isBusy, 300)
    assert "Written" in panel.jobPanel.message
    page = next(folder.glob("*.html")).read_text(encoding="utf-8")
    assert "in the scene&#39;s slices" in page
    (docs / "emphysema-report.png").write_bytes(_first_picture(page))
    for path in docs.glob("emphysema-*.png"):
        reduce_colors(path)


def _first_picture(page: str) -> bytes:
    import base64

    begin = page.index("data:image/png;base64,") + len("data:image/png;base64,")
    return base64.b64decode(page[begin : page.index('"', begin)])
