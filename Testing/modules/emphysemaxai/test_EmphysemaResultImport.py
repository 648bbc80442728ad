"""The files of a finished analysis become nodes at the CT's place, wholly or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from modules.emphysemaxai.sample_result import THIRDS
from modules.emphysemaxai.sample_result import SampleDirectory
from modules.emphysemaxai.sample_result import SampleJob
from modules.emphysemaxai.sample_result import import_sample_result


@pytest.fixture
def volume(slicer_host):
    import slicer
    from EmphysemaXAILib.SelfTest import addPhantomChest

    return addPhantomChest(slicer.mrmlScene, "Chest", spacingMm=(13.0, 12.0, 14.0))


def _count(class_name: str) -> int:
    import slicer

    return len([node for node in slicer.util.getNodesByClass(class_name) if not node.GetHideFromEditors()])


def test_everything_lies_on_the_cts_grid_with_names_and_colours(volume, tmp_path):
    import slicer
    from SlicerMambaMedLib.SegmentationImport import segmentIds

    nodes = import_sample_result(tmp_path, volume)
    assert nodes.regions.GetName() == "Chest lung regions"
    segmentation = nodes.regions.GetSegmentation()
    names = [segmentation.GetSegment(identifier).GetName() for identifier in segmentIds(nodes.regions)]
    assert names == THIRDS
    expected = SampleDirectory(tmp_path, volume).regions
    for value, identifier in enumerate(segmentIds(nodes.regions), start=1):
        found = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.regions, identifier, volume)
        np.testing.assert_array_equal(found > 0, expected == value)
    assert segmentation.GetSegment(segmentIds(nodes.regions)[1]).GetColor() == pytest.approx(
        (60 / 255, 90 / 255, 200 / 255)
    )
    assert set(nodes.segmentations) == {"regions", "low_attenuation", "patterns"}
    assert set(nodes.maps) == {"grad-cam", "attention"}
    assert nodes.maps["grad-cam"].GetName() == "Chest Grad-CAM"


def test_the_table_has_a_row_per_region_and_titles_for_people(volume, tmp_path):
    nodes = import_sample_result(tmp_path, volume)
    rows = [nodes.measures.GetCellText(row, 0) for row in range(nodes.measures.GetNumberOfRows())]
    assert rows == ["whole lung", *THIRDS]
    assert nodes.measures.GetColumnTitle("laa950_percent") == "LAA−950 (%)"
    assert nodes.change.GetNumberOfRows() == 1


def test_the_chart_shows_a_histogram_per_region_as_share_per_hu(volume, tmp_path):
    import slicer
    from EmphysemaXAILib.HistogramPlot import histogramOfTable
    from EmphysemaXAILib.HistogramPlot import showRegions

    nodes = import_sample_result(tmp_path, volume)
    histogram = histogramOfTable(nodes.histogram)
    assert histogram["centres_hu"] == [-975.0, -925.0, -875.0]
    assert sum(histogram["percent_per_hu"]["whole lung"]) * 50.0 == pytest.approx(100.0)
    assert _count("vtkMRMLPlotSeriesNode") == 7
    assert nodes.chart.GetNumberOfPlotSeriesNodes() == 3
    showRegions(nodes.chart, ["whole lung", "right lower third"])
    shown = [nodes.chart.GetNthPlotSeriesNode(index).GetYColumnName() for index in range(2)]
    assert shown == ["whole lung", "right lower third"]
    series = slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")[0]
    assert series.GetXColumnName() == "HU"


def test_heat_maps_hide_what_is_below_the_threshold_and_outside_the_lungs(volume, tmp_path):
    from EmphysemaXAILib.EmphysemaOverlay import EmphysemaOverlay

    nodes = import_sample_result(tmp_path, volume)
    display = nodes.maps["grad-cam"].GetDisplayNode()
    assert display.GetColorNode().GetName() == "MambaMed heat"
    overlay = EmphysemaOverlay(nodes.record)
    overlay.setThreshold(0.5)
    maximum = float(nodes.maps["grad-cam"].GetAttribute("MambaMed.MapMaximum"))
    assert 0.5 < maximum <= 1
    assert display.GetLowerThreshold() == pytest.approx(0.5 * maximum)
    assert display.GetUpperThreshold() >= 1
    overlay.setThreshold(0.0)
    assert display.GetLowerThreshold() > 0


def test_one_overlay_is_shown_at_a_time(volume, tmp_path):
    from EmphysemaXAILib.EmphysemaOverlay import EmphysemaOverlay

    nodes = import_sample_result(tmp_path, volume)
    overlay = EmphysemaOverlay(nodes.record)
    assert list(overlay.choices()) == [
        "",
        "low_attenuation",
        "patterns",
        "regions",
        "explanation:grad-cam",
        "explanation:attention",
    ]
    for key in ("regions", "patterns", "", "explanation:grad-cam"):
        overlay.show(key, 0.4, 0.3)
        visible = {name for name, node in nodes.segmentations.items() if node.GetDisplayVisibility()}
        assert visible == ({key} & set(nodes.segmentations))
    overlay.show("patterns", 0.4, 0.3)
    assert nodes.segmentations["patterns"].GetDisplayNode().GetOpacity2DFill() == pytest.approx(0.4)


def test_the_record_knows_inputs_and_results_and_keeps_all_warnings(volume, tmp_path):
    from EmphysemaXAILib.InputReferences import inputNode
    from EmphysemaXAILib.ResultNodes import nodesByRole

    nodes = import_sample_result(tmp_path, volume)
    assert inputNode(nodes.record, "ct") is volume
    found = nodesByRole(nodes.record)
    assert found["patterns"] is nodes.segmentations["patterns"]
    assert found["explanation:grad-cam"] is nodes.maps["grad-cam"]
    assert found["measures"] is nodes.measures
    assert nodes.warnings[0].startswith("The kernel B70f")


@pytest.mark.parametrize("broken", ["regions", "explanation:grad-cam"])
def test_a_file_that_cannot_be_read_or_lies_elsewhere_leaves_the_scene_as_it_was(volume, tmp_path, broken):
    import slicer
    from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest
    from EmphysemaXAILib.EmphysemaResultImport import EmphysemaResultImport
    from mambamed.emphysema.settings import EmphysemaSettings
    from SlicerMambaMedLib.SceneChange import SceneChange

    directory = SampleDirectory(tmp_path, volume)
    directory.outputs[broken].write_bytes(b"no image")
    importer = EmphysemaResultImport(EmphysemaRequest(volume, EmphysemaSettings()), directory.grid, slicer.mrmlScene)
    with pytest.raises(ValueError, match="cannot be read as an image"), SceneChange(slicer.mrmlScene):
        importer(directory, SampleJob())
    for name in ("Segmentation", "Table", "Text", "PlotChart", "PlotSeries"):
        assert _count(f"vtkMRML{name}Node") == 0
    assert _count("vtkMRMLScalarVolumeNode") == 1


def test_a_second_result_has_names_of_its_own(volume, tmp_path):
    import_sample_result(tmp_path, volume)
    nodes = import_sample_result(tmp_path, volume)
    assert nodes.record.GetName() == "Chest emphysema_1"
    assert nodes.regions.GetName() == "Chest lung regions_1"
