"""The markups file, read by 3D Slicer's own reader: every ROI lies where the object does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from engine.detection.scripted_detector import scripted_model
from engine.detection.solid_phantoms import empty_grid
from engine.detection.solid_phantoms import rotation
from engine.detection.solid_phantoms import volume_with_solids
from mambamed.detection.markups import markups_json
from mambamed.detection.predict import predict
from mambamed.detection.settings import DetectionSettings

# In a process of its own: a test of a module may have put a stand-in for `slicer` into this one.
READ_BY_SLICER = """
import json, sys
import slicer
scene = slicer.vtkMRMLScene()
application = slicer.vtkMRMLApplicationLogic()
application.SetMRMLScene(scene)
logic = slicer.vtkSlicerMarkupsLogic()
logic.SetMRMLApplicationLogic(application)
logic.SetMRMLScene(scene)
assert logic.LoadMarkups(sys.argv[1], "boxes")
found = []
for number in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode")):
    node = scene.GetNthNodeByClass(number, "vtkMRMLMarkupsROINode")
    matrix = node.GetObjectToWorldMatrix()
    found.append({
        "name": node.GetName(),
        "size": list(node.GetSize()),
        "columns": [[matrix.GetElement(row, column) for row in range(3)] for column in range(4)],
        "color": list(node.GetDisplayNode().GetSelectedColor()),
    })
print(json.dumps(found))
"""


def test_slicer_reads_every_roi_at_its_place(tmp_path: Path) -> None:
    grid = sitk.Flip(
        empty_grid((61, 53, 17), (0.8, 0.8, 2.5), rotation((0, 1, 0), 10), (12, -7, 31)), [True, False, True]
    )
    axes = rotation((0, 0, 1), 30.0)
    image = volume_with_solids(grid, [((10, -3, 33), axes, (16, 6, 9), 100), ((18, -14, 29), axes, (10, 5, 9), 60)])
    for links in (True, False):
        result = predict(scripted_model(), image, DetectionSettings(link_slices=links))
        path = tmp_path / "detections.mrk.json"
        path.write_text(json.dumps(markups_json(result)), encoding="utf-8")
        answer = subprocess.run(
            [sys.executable, "-c", READ_BY_SLICER, str(path)], capture_output=True, text=True, check=True
        )
        read = json.loads(answer.stdout.splitlines()[-1])
        items = result.objects if links else result.boxes
        assert len(read) == len(items) > 1
        to_ras = np.array([-1.0, -1.0, 1.0])
        colours = {label.name: label.color for label in result.labels}
        for roi, item in zip(read, items, strict=True):
            assert roi["name"] == f"{item.label} {item.id}"
            np.testing.assert_allclose(roi["size"], item.size_mm, atol=1e-6)
            np.testing.assert_allclose(roi["columns"][:3], item.axes_lps * to_ras, atol=1e-6)
            np.testing.assert_allclose(roi["columns"][3], item.centre_lps_mm * to_ras, atol=1e-6)
            np.testing.assert_allclose(np.array(roi["color"]) * 255, colours[item.label], atol=1e-6)
