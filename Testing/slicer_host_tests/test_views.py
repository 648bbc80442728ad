"""The main window stand-in: slice views with the segmentation overlay, 3D, pictures of the whole window."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

MODULE_FILE = Path(__file__).parent / "sample" / "HostSample.py"


@pytest.fixture
def host(slicer_host_main_window):
    return slicer_host_main_window


def pixels(path):
    from PIL import Image

    return numpy.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.fixture
def volume(host):
    import slicer

    z, y, x = numpy.mgrid[:20, :30, :24]
    array = 100.0 * numpy.exp(-(((x - 12) / 6.0) ** 2 + ((y - 15) / 7.0) ** 2 + ((z - 10) / 5.0) ** 2))
    node = slicer.util.addVolumeFromArray(array, name="volume")
    node.SetSpacing(1.0, 1.0, 2.0)
    node.SetOrigin(-12.0, -15.0, -20.0)
    node.CreateDefaultDisplayNodes()
    return node


@pytest.fixture
def segmented(host, volume):
    import slicer

    module = host.load(MODULE_FILE)
    module.ui.inputSelector.setCurrentNode(volume)
    module.click("applyButton")
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    return module


def test_main_window_and_layout_manager_are_there(host):
    import slicer

    assert slicer.util.mainWindow().objectName == "qSlicerMainWindow"
    layout_manager = slicer.app.layoutManager()
    assert layout_manager.sliceViewNames() == ("Red", "Yellow", "Green")
    assert layout_manager.threeDViewCount == 1
    assert layout_manager.sliceWidget("Red").mrmlSliceNode().GetOrientation() == "Axial"
    assert layout_manager.sliceWidget("Blue") is None
    slicer.util.forceRenderAllViews()


def test_status_bar_shows_messages(host):
    import slicer

    assert slicer.util.showStatusMessage("working")
    assert slicer.util.mainWindow().statusBar().currentMessage() == "working"


def test_slice_shows_volume_and_overlay(host, volume, segmented, tmp_path):
    import slicer

    with_overlay = pixels(host.grab_view("Red", tmp_path / "overlay.png", 200, 200))
    slicer.util.getNode("Result").GetDisplayNode().SetVisibility(False)
    without = pixels(host.grab_view("Red", tmp_path / "plain.png", 200, 200))
    assert numpy.abs(without[..., 0] - without[..., 2]).max() == 0  # the volume alone is grey
    assert without[100, 100].mean() > 3 * without[100, 45].mean()  # bright in the middle
    colored = (with_overlay[..., 2] - with_overlay[..., 0]) > 20
    assert colored[100, 100]
    expected = numpy.pi * (0.8326 * 6) * (0.8326 * 7) * (200 / 30) ** 2  # ellipse above half of the maximum
    assert 0.8 * expected < colored.sum() < 1.2 * expected


def test_three_d_shows_the_surface(host, segmented, tmp_path):
    import slicer

    slicer.util.getNode("Result").CreateClosedSurfaceRepresentation()
    slicer.util.resetThreeDViews()
    picture = pixels(host.grab_view("3D", tmp_path / "surface.png", 200, 200))
    middle = picture[80:120, 80:120]
    assert (middle[..., 2] - middle[..., 0]).min() > 20


def test_whole_window_picture(host, segmented, tmp_path):
    path = host.grab_window(tmp_path / "window.png")
    assert pixels(path).shape == (768, 1366, 3)
    content, visible = host.main_window.scrolled_area()
    assert content <= visible


def test_slice_layers_and_offset_follow_the_scene(host, volume):
    import slicer

    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    widget = slicer.app.layoutManager().sliceWidget("Red")
    assert widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()
    widget.sliceController().setSliceOffsetValue(4.0)
    assert widget.sliceLogic().GetSliceOffset() == 4.0
    slicer.mrmlScene.Clear(0)
    assert widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() is None


def test_layout_change(host):
    import slicer

    layout_manager = slicer.app.layoutManager()
    layout_manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    assert layout_manager.sliceWidget("Red").visible
    assert not layout_manager.sliceWidget("Green").visible
    layout_manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    assert layout_manager.sliceWidget("Green").visible


def test_table_is_shown(host):
    import slicer

    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    slicer.util.updateTableFromArray(table, numpy.arange(4.0).reshape(2, 2), ["volume", "ml"])
    slicer.app.applicationLogic().GetSelectionNode().SetActiveTableID(table.GetID())
    slicer.app.applicationLogic().PropagateTableSelection()
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    slicer.app.layoutManager()._h_render_all()
    view = slicer.app.layoutManager().tableWidget(0).tableView()
    assert view.mrmlTableNode() is table
    assert view.model().rowCount() == 2
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
