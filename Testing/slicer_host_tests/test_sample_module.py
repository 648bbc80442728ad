"""A module's whole life in the host: load, parameter node, Apply, scene close, reload."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy
import pytest

MODULE_FILE = Path(__file__).parent / "sample" / "HostSample.py"


@pytest.fixture
def module(slicer_host):
    return slicer_host.load(MODULE_FILE)


def add_volume(name="volume", value=9.0):
    import slicer

    array = numpy.zeros((4, 5, 6))
    array[2, 3, 4] = value
    return slicer.util.addVolumeFromArray(array, name=name)


def test_panel_shows_the_defaults_of_the_parameter_node(module):
    ui = module.ui
    assert (ui.thresholdSlider.value, ui.thresholdSlider.minimum, ui.thresholdSlider.maximum) == (0.5, 0.1, 0.9)
    assert ui.iterationsBox.value == 3
    assert ui.modeBox.currentText == "exact"
    assert ui.deviceBox.currentText == "auto"
    assert ui.folderEdit.currentPath == "somewhere"
    assert ui.marginBox.value == 5.0
    assert ui.applyButton.enabled is False
    assert ui.applyButton.toolTip == "Select an input volume"


def test_parameters_and_widgets_follow_each_other(module):
    parameters = module.widget._parameterNode
    module.ui.thresholdSlider.value = 0.75
    module.ui.modeBox.setCurrentIndex(0)
    module.ui.probabilitiesBox.checked = True
    module.ui.marginBox.value = 7.5
    assert parameters.threshold == 0.75
    assert parameters.mode.name == "FAST"
    assert parameters.probabilities is True
    assert parameters.region.margin == 7.5
    parameters.iterations = 11
    parameters.region.margin = 2.0
    assert module.ui.iterationsBox.value == 11
    assert module.ui.marginBox.value == 2.0


def test_values_outside_their_range_are_refused(module):
    parameters = module.widget._parameterNode
    with pytest.raises(ValueError, match=r"Value must be within range \[0.1, 0.9\], is 5"):
        parameters.threshold = 5
    assert parameters.threshold == 0.5


def test_stored_text(module):
    parameters = module.widget._parameterNode
    node = parameters.parameterNode
    parameters.labels.append("c")
    assert parameters.labels == ["a", "b", "c"]
    assert parameters.limit is None
    texts = {name: node.GetParameter(name) for name in ("mode", "labels.0", "labels.len", "folder", "threshold")}
    assert texts == {"mode": "EXACT", "labels.0": "a", "labels.len": "3", "folder": "somewhere", "threshold": "0.5"}
    parameters.limit = 4
    assert parameters.limit == 4


def test_apply_makes_the_segmentation(module, slicer_host):
    import slicer

    volume = add_volume()
    module.ui.inputSelector.setCurrentNode(volume)
    assert module.ui.applyButton.enabled
    module.click("applyButton")
    slicer_host.waitUntil(lambda: "later" in module.widget.calls, 5)
    result = slicer.util.getNode("Result")
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, "bright", volume)
    assert numpy.argwhere(mask).tolist() == [[2, 3, 4]]
    assert module.ui.statusLabel.text == "Done"


def test_a_disabled_button_can_not_be_clicked(module):
    with pytest.raises(AssertionError, match="Select an input volume"):
        module.click("applyButton")


def test_an_exception_in_a_slot_is_swallowed_shown_and_kept(slicer_host_main_window):
    import qt

    host = slicer_host_main_window
    module = host.load(MODULE_FILE)
    module.ui.inputSelector.setCurrentNode(add_volume(value=0.0))
    host.answer(int(qt.QMessageBox.Ok))
    module.click("applyButton")
    assert "Failed to compute.\n\nThe input volume is empty" in host.messages[-1].text
    assert isinstance(host.errors[0].exception, ValueError)
    host.errors.clear()


def test_scene_close_disconnects_and_starts_anew(module):
    import slicer

    module.ui.inputSelector.setCurrentNode(add_volume())
    module.ui.thresholdSlider.value = 0.75
    slicer.mrmlScene.Clear(0)
    assert module.ui.inputSelector.currentNode() is None
    assert module.ui.thresholdSlider.value == 0.5
    assert not module.ui.applyButton.enabled


def test_removing_the_input_disables_apply(module):
    import slicer

    volume = add_volume()
    module.ui.inputSelector.setCurrentNode(volume)
    slicer.mrmlScene.RemoveNode(volume)
    assert module.ui.inputSelector.currentNode() is None
    assert not module.ui.applyButton.enabled


def test_reload_builds_a_new_panel(module, slicer_host):
    before = module.widget
    module.reload()
    assert module.widget is not before
    assert "cleanup" in before.calls
    assert module.widget.calls == ["enter"]
    module.ui.inputSelector.setCurrentNode(add_volume())
    assert module.ui.applyButton.enabled


def test_startup_signal_and_self_test(module):
    import slicer

    slicer.modules.HostSampleInstance.runTest()
    assert sys.modules["HostSample"].STARTUPS == ["completed", "tested"]


def test_collapsed_section_hides_its_content(module):
    assert module.ui.advancedButton.collapsed
    assert not module.ui.advancedLabel.visible
    module.ui.advancedButton.collapsed = False
    assert module.ui.advancedLabel.visible


def test_panel_picture(module, tmp_path):
    path = module.grab(tmp_path / "panel.png", width=420)
    assert path.stat().st_size > 2000
