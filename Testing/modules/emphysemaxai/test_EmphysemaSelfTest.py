"""The module's own self-test ("Reload and Test" in Slicer), its sample, and its plot view."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from extension.cmake_lists import REPOSITORY
from modules.emphysemaxai.sample_result import import_sample_result

MODULE = REPOSITORY / "EmphysemaXAI" / "EmphysemaXAI.py"


def test_the_self_test_passes(slicer_host, tmp_path):
    module = slicer_host.load(MODULE)
    module.logic.emphysema.session.settings.jobsFolder = tmp_path / "jobs"
    sys.modules[type(module.widget).__module__].EmphysemaXAITest().runTest()


def test_the_sample_is_registered_with_its_checksum(slicer_host):
    import SampleData
    from EmphysemaXAILib.TutorialScan import TUTORIAL_SCAN

    slicer_host.load(MODULE)
    (source,) = [source for source in SampleData.sources if source.sampleName == TUTORIAL_SCAN.name]
    assert source.checksums == [f"SHA256:{TUTORIAL_SCAN.sha256}"]
    assert source.uris[0].endswith("/Testing/Data/Input/ct-64.nrrd")
    assert Path(source.thumbnailFileName).is_file()


@pytest.mark.shared_data
def test_the_checksum_is_that_of_the_scan(shared_folder):
    from EmphysemaXAILib.TutorialScan import TUTORIAL_SCAN

    content = (shared_folder / "data" / "chest_ct" / "cip" / "ct-64.nrrd").read_bytes()
    assert hashlib.sha256(content).hexdigest() == TUTORIAL_SCAN.sha256


def test_the_histogram_is_shown_in_a_plot_view(slicer_host_main_window, tmp_path):
    import slicer
    from EmphysemaXAILib.SelfTest import addPhantomChest

    host = slicer_host_main_window
    volume = addPhantomChest(slicer.mrmlScene, "Chest", spacingMm=(13.0, 12.0, 14.0))
    module = host.load(MODULE)
    nodes = import_sample_result(tmp_path, volume)
    module.ui.recordSelector.setCurrentNode(nodes.record)
    host.waitUntil(lambda: module.ui.showHistogramButton.enabled, 10)
    module.click("showHistogramButton")
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView
    selection = slicer.app.applicationLogic().GetSelectionNode()
    assert selection.GetActivePlotChartID() == nodes.chart.GetID()


class _Database:
    """What the module asks of ctkDICOMDatabase."""

    def __init__(self, folder):
        self.folder = folder

    def fileForInstance(self, uid):
        return str(self.folder / f"{uid}.dcm")

    def instanceValue(self, uid, tag):
        return {"0020,000e": "1.2.3"}[tag]


def test_a_volume_that_slicer_loaded_from_dicom_leads_to_its_series(slicer_host, tmp_path, monkeypatch):
    import slicer
    from EmphysemaXAILib.DicomSource import dicomSource
    from EmphysemaXAILib.PanelRequest import scanText
    from EmphysemaXAILib.SelfTest import addPhantomChest

    volume = addPhantomChest(slicer.mrmlScene, "Chest", spacingMm=(26.0, 24.0, 28.0))
    monkeypatch.setattr(slicer, "dicomDatabase", _Database(tmp_path), raising=False)
    assert dicomSource(volume) is None
    assert "give kernel and slice thickness" in scanText(volume)
    volume.SetAttribute("DICOM.instanceUIDs", "7.8 7.9")
    assert dicomSource(volume) is None  # the files are gone
    (tmp_path / "7.8.dcm").write_bytes(b"")
    source = dicomSource(volume)
    assert source.asInput() == {"name": "dicom", "path": str(tmp_path), "series": "1.2.3"}
    assert "read from the scan's DICOM files" in scanText(volume)
