"""What the Results section shows of a result with all its parts."""

from __future__ import annotations

import pytest
from extension.cmake_lists import REPOSITORY
from modules.emphysemaxai.sample_result import THIRDS
from modules.emphysemaxai.sample_result import import_sample_result


@pytest.fixture
def module(slicer_host, tmp_path):
    import slicer
    from EmphysemaXAILib.SelfTest import addPhantomChest

    volume = addPhantomChest(slicer.mrmlScene, "Chest", spacingMm=(13.0, 12.0, 14.0))
    loaded = slicer_host.load(REPOSITORY / "EmphysemaXAI" / "EmphysemaXAI.py")
    loaded.nodes = import_sample_result(tmp_path, volume)
    loaded.ui.recordSelector.setCurrentNode(loaded.nodes.record)
    slicer_host.waitUntil(lambda: loaded.ui.measuresTable.rowCount == 7, 10)
    return loaded


def _rows(table):
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]


def test_warnings_stand_on_top(module):
    text = module.ui.warningsBrowser.plainText
    assert module.ui.warningsBrowser.visible
    assert text.splitlines()[0] == "Warning: The kernel B70f is sharp: LAA-950 is too high."


def test_the_density_is_the_first_that_is_seen(module):
    assert module.ui.resultTabs.currentIndex == 0


def test_the_density_table_has_units_and_the_most_read_measures_first(module):
    table = module.ui.measuresTable
    header = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
    assert header[:3] == ["Region", "Volume (l)", "LAA−950 (%)"]
    rows = _rows(table)
    assert [row[0] for row in rows] == ["whole lung", *THIRDS]
    assert rows[0][1:3] == ["5.12", "14.3"]


def test_severity_is_shown_as_probabilities_with_spread_and_as_a_demonstration(module):
    text = module.ui.severityBrowser.plainText
    assert "Demonstration model" in text
    for name, percent in (("none", "5.0"), ("mild", "25.0"), ("moderate", "60.0"), ("severe", "10.0")):
        assert name in text
        assert f"{percent} %" in text
    assert "mean grade 1.75, spread 0.70" in text
    assert "unlike those" in text


def test_failed_checks_are_counted_in_the_tab_and_named_in_the_table(module):
    assert module.ui.resultTabs.tabToolTip(3) == "1 checks failed"
    assert not module.ui.resultTabs.tabIcon(3).isNull()
    rows = _rows(module.ui.checksTable)
    assert [row[1] for row in rows] == ["passed", "FAILED", "not made"]
    assert rows[1][0] == "Grad-CAM: randomised weights"
    assert module.ui.checksTable.item(1, 0).font().bold()
    assert module.ui.checksTable.item(1, 0).toolTip() == "bad"


def test_patterns_and_follow_up_have_their_tabs(module):
    assert _rows(module.ui.patternsTable)[0][:3] == ["whole lung", "61.0", "9.0"]
    assert _rows(module.ui.changeTable)[0][4] == "+3.2 *"


def test_tabs_of_what_was_not_computed_are_closed(module, tmp_path):
    import slicer

    volume = slicer.util.getNode("Chest")
    nodes = import_sample_result(tmp_path, volume, severity=None, patterns=None, explanations={}, change=None)
    module.ui.recordSelector.setCurrentNode(nodes.record)
    module.widget.panel.refresh()
    tabs = module.ui.resultTabs
    assert [tabs.isTabEnabled(index) for index in range(5)] == [True, False, False, False, False]


def test_overlay_opacity_and_threshold_act_at_once(module):
    ui, nodes = module.ui, module.nodes
    names = [ui.overlayComboBox.itemText(index) for index in range(ui.overlayComboBox.count)]
    assert names == ["None", "Low attenuation", "Local patterns", "Lung regions", "Grad-CAM", "Attention map"]
    assert nodes.segmentations["low_attenuation"].GetDisplayVisibility()
    assert not ui.thresholdSlider.enabled
    ui.overlayComboBox.setCurrentIndex(2)
    ui.opacitySlider.value = 0.25
    display = nodes.segmentations["patterns"].GetDisplayNode()
    assert display.GetOpacity2DFill() == pytest.approx(0.25)
    ui.overlayComboBox.setCurrentIndex(4)
    assert not nodes.segmentations["patterns"].GetDisplayVisibility()
    assert ui.thresholdSlider.enabled
    ui.thresholdSlider.value = 0.8
    heat = nodes.maps["grad-cam"]
    maximum = float(heat.GetAttribute("MambaMed.MapMaximum"))
    assert heat.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.8 * maximum)
    legend = ui.legendLabel.pixmap.toImage()
    hidden, shown = legend.pixelColor(20, 5), legend.pixelColor(legend.width() - 5, 5)
    assert (hidden.red(), hidden.green(), hidden.blue()) == (160, 160, 160)
    assert shown.red() > 200
    assert shown.blue() < 200


def test_a_click_on_a_region_adds_its_histogram(module):
    module.ui.measuresTable.cellClicked(4, 0)
    chart = module.nodes.chart
    shown = [chart.GetNthPlotSeriesNode(index).GetYColumnName() for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert shown == ["whole lung", THIRDS[3]]


def test_the_record_is_shown_and_a_text_that_is_none_shows_nothing(module):
    import slicer

    assert not module.ui.recordText.visible
    module.ui.resultsCollapsibleButton.collapsed = False
    module.click("showRecordButton")
    assert module.ui.recordText.visible
    assert '"task": "emphysema"' in module.ui.recordText.plainText
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "Other")
    other.SetText("nothing")
    other.SetAttribute("MambaMed.RecordOfTask", "emphysema")
    module.ui.recordSelector.setCurrentNode(other)
    module.widget.panel.refresh()
    assert module.ui.measuresTable.rowCount == 0
    assert not module.ui.resultTabs.enabled


def test_dicom_can_be_saved_only_for_a_scan_that_came_from_dicom(module, tmp_path):
    import slicer
    from EmphysemaXAILib.DicomSource import FOLDER_ATTRIBUTE

    assert module.ui.reportButton.enabled
    assert not module.ui.dicomButton.enabled
    assert "not loaded from DICOM" in module.ui.dicomButton.toolTip
    slicer.util.getNode("Chest").SetAttribute(FOLDER_ATTRIBUTE, str(tmp_path))
    module.widget.panel.refresh()
    assert module.ui.dicomButton.enabled
