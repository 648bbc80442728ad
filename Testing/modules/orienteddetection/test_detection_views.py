"""OrientedDetection with slice views: the slice that the Red view shows can be chosen."""

from __future__ import annotations

import numpy as np
from extension.cmake_lists import REPOSITORY


def test_the_slice_of_the_red_view_is_the_one_that_is_looked_at(slicer_host_main_window):
    import slicer

    host = slicer_host_main_window
    module = host.load(REPOSITORY / "OrientedDetection" / "OrientedDetection.py")
    panel, ui = module.widget.panel, module.ui
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Volume")
    slicer.util.updateVolumeFromArray(volume, np.zeros((7, 20, 24), np.uint8))
    volume.SetSpacing(1.0, 1.0, 3.0)
    volume.CreateDefaultDisplayNodes()
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    ui.inputSelector.setCurrentNode(volume)
    ui.slabComboBox.setCurrentIndex(ui.slabComboBox.findData("red"))
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    for offset, number in ((9.2, 3), (0.0, 0), (18.0, 6)):
        red.SetSliceOffset(offset)
        assert panel.request().settings.slices == (number, number)
        assert panel.request().settings.slice_axis == "axial"
    red.SetSliceOffset(60.0)
    host.waitUntil(lambda: "shows no slice of the volume" in module.find("applyButton").toolTip, 20)
