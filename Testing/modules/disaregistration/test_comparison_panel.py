"""Blend, checkerboard, flicker and maps in the slice views, and what they showed before comes back."""

from __future__ import annotations

import numpy as np
import pytest
from extension.cmake_lists import REPOSITORY
from modules.disaregistration.doubles import OBLIQUE
from modules.disaregistration.doubles import add_volume
from modules.disaregistration.doubles import structure


@pytest.fixture
def shown(slicer_host_main_window):
    """The module's comparison of two volumes, with another volume in the views."""
    import slicer

    host = slicer_host_main_window
    module = host.load(REPOSITORY / "DISARegistration" / "DISARegistration.py")
    volumes = [add_volume(name, structure((9, 8, 7), seed), OBLIQUE) for seed, name in enumerate(("MR", "CT", "map"))]
    other = add_volume("other", structure((5, 6, 7)), np.eye(4))
    slicer.util.setSliceViewerLayers(background=other, foreground=None, foregroundOpacity=0.0)
    module.widget.panel.setParameterNode(None)  # else the panel soon shows that there is no result to compare
    comparison = module.widget.panel.comparison
    comparison.show(volumes[0], volumes[1], jacobian=volumes[2])
    module.ui.qualityCollapsibleButton.collapsed = False
    host.processEvents()
    return host, module, comparison, volumes, other


def _layers():
    import slicer

    node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    return node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetForegroundOpacity()


def _choose(host, module, key):
    combo = module.ui.comparisonComboBox
    combo.setCurrentIndex(combo.findData(key))
    host.processEvents()


def test_blend_and_back(shown):
    host, module, _comparison, (fixed, moving, _map), other = shown
    _choose(host, module, "blend")
    module.ui.blendSlider.value = 0.3
    assert _layers() == (fixed.GetID(), moving.GetID(), pytest.approx(0.3))
    assert module.ui.blendSlider.visible
    assert not module.ui.tileSlider.visible
    _choose(host, module, "as-it-was")
    assert _layers()[0] == other.GetID()
    assert not module.ui.blendSlider.visible


def test_flicker_shows_both_in_turn_and_stops_when_the_module_is_left(shown):
    host, module, comparison, (fixed, moving, _map), _other = shown
    _choose(host, module, "flicker")
    seen = set()
    host.waitUntil(lambda: seen.add(_layers()[2]) or seen == {0.0, 1.0}, 10)
    module.exit()
    assert comparison.mode == "blend"
    assert not comparison._flickerTimer.isActive()
    assert _layers()[:2] == (fixed.GetID(), moving.GetID())


def test_the_checkerboard_is_renewed_with_its_tiles_and_never_saved(shown):
    import slicer

    host, module, comparison, (fixed, _moving, _map), other = shown
    _choose(host, module, "checkerboard")
    board = comparison.board
    assert _layers()[0] == board.GetID()
    assert not board.GetSaveWithScene()
    first = slicer.util.arrayFromVolume(board).copy()
    assert first.shape == slicer.util.arrayFromVolume(fixed).shape
    module.ui.tileSlider.value = 4
    host.waitUntil(lambda: not np.array_equal(slicer.util.arrayFromVolume(board), first), 10)
    slicer.mrmlScene.InvokeEvent(slicer.mrmlScene.StartSaveEvent)
    assert board.GetScene() is None
    _choose(host, module, "as-it-was")
    assert _layers()[0] == other.GetID()


def test_a_map_comes_with_a_legend_that_goes_with_it(shown):
    import slicer

    host, module, _comparison, (_fixed, _moving, jacobian), _other = shown
    _choose(host, module, "jacobian")
    assert _layers()[1] == jacobian.GetID()
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(jacobian)
    assert legend.GetVisibility()
    assert "Jacobian" in legend.GetTitleText()
    _choose(host, module, "blend")
    assert not legend.GetVisibility()


def test_other_volumes_and_a_closed_scene_end_the_comparison(shown):
    import slicer

    host, module, comparison, (fixed, moving, _map), other = shown
    _choose(host, module, "blend")
    comparison.show(moving, fixed)
    assert comparison.mode == "as-it-was"
    assert _layers()[0] == other.GetID()
    assert module.ui.comparisonComboBox.findData("jacobian") < 0
    _choose(host, module, "checkerboard")
    slicer.mrmlScene.Clear(0)
    host.processEvents()
    assert comparison.board is None
    assert not module.ui.comparisonComboBox.enabled
