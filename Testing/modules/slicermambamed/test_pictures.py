"""The module with the bundled model on a real volume, in a window of 1366 x 768: what a user sees, as pictures.

``MAMBAMED_WRITE_PICTURES=1`` writes them to ``docs/images`` and ``Resources/Screenshots``, else they are temporary.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from extension.cmake_lists import REPOSITORY
from modules.pictures import colorful_share
from modules.pictures import pictures_folder

pytestmark = pytest.mark.slow

MODEL = "brain-tissue-mr"
TEMPLATE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"


def _template() -> Path:
    """The T1 template that ships in nilearn: the image of the tutorial."""
    return Path(find_spec("nilearn").origin).parent / "datasets" / "data" / TEMPLATE


@pytest.fixture
def pictures(tmp_path):
    folder = pictures_folder(tmp_path)
    return {"docs": folder, "catalog": tmp_path if folder == tmp_path else REPOSITORY / "Resources" / "Screenshots"}


def test_the_tutorial_as_a_user_sees_it(slicer_host_main_window, pictures, tmp_path):
    import slicer
    from SlicerMambaMedLib.RunRecordNode import readRecord

    host = slicer_host_main_window
    docs = pictures["docs"]
    module = host.load(REPOSITORY / "SlicerMambaMed" / "SlicerMambaMed.py")
    module.logic.segmentation.session.settings.jobsFolder = tmp_path / "jobs"
    panel = module.widget.panel
    host.waitUntil(lambda: "Engine ready" in panel.status.line.text, 120)
    volume = slicer.util.loadVolume(str(_template()), {"name": "ICBM152T1"})
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    panel.modelSelector.setCurrentKey(MODEL)
    panel._store("model", MODEL)
    module.ui.inputSelector.setCurrentNode(volume)
    module.ui.show3DCheckBox.checked = True
    host.waitUntil(lambda: module.find("applyButton").enabled, 30)
    host.waitUntil(lambda: "Expected" in module.ui.estimateLabel.text, 30)

    # Everything up to Apply is seen without scrolling.
    button = module.find("applyButton")
    bottom = button.mapTo(module.container, button.rect.bottomLeft()).y()
    assert bottom < host.main_window.scrolled_area()[1]
    before = host.grab_window(docs / "slicer-ready.png")
    greyViews = colorful_share(before, left=450)

    module.click("applyButton")
    job = panel.jobPanel.job
    host.waitUntil(lambda: job.fraction > 0.35 or job.isFinished, 300)
    assert not job.isFinished
    host.grab_window(docs / "slicer-running.png")
    host.waitUntil(lambda: job.isFinished, 500)
    assert job.outcome == "done", job.message
    host.processEvents()

    nodes = job.nodes
    assert readRecord(nodes.record)["model"]["id"] == MODEL
    host.waitUntil(lambda: module.ui.recordSelector.currentNode() is nodes.record, 10)
    volumes = slicer.util.arrayFromTableColumn(nodes.table, "volume_ml")
    assert 1200 < volumes.sum() < 2200  # the template's brain and the fluid around it
    slicer.util.resetThreeDViews()
    after = host.grab_window(docs / "slicer-segmentation.png")
    assert colorful_share(after, left=450) > greyViews + 0.05
    assert colorful_share(host.grab_view("Red", tmp_path / "axial.png")) > 0.2
    if pictures["catalog"] != docs:
        host.grab_window(pictures["catalog"] / "segmentation.png")

    module.click("showTableButton")
    host.grab_window(docs / "slicer-table.png")
    module.click("cardButton")
    module.ui.resultsCollapsibleButton.collapsed = True
    host.processEvents()
    module.grab(docs / "slicer-model-card.png", width=440)
    module.click("cardButton")
    module.ui.advancedCollapsibleButton.collapsed = False
    host.processEvents()
    module.grab(docs / "slicer-advanced.png", width=440)
    module.logic.segmentation.session.settings.setText("JobsFolder", "")
    panel.status.openSettings()
    host.processEvents()
    host.grab(panel.status._dialog.widget, docs / "slicer-engine-settings.png", width=560)
    panel.status._dialog.widget.close()
