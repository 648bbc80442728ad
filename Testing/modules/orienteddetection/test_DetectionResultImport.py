"""OrientedDetectionLib: what the engine has found becomes markups of the scene, and files."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

LABELS = [
    {"name": "nodule", "color": [230, 159, 0], "terminology": {}},
    {"name": "small vessel", "color": [86, 180, 233], "terminology": {}},
]


def _box(number, label, score, center, angle_deg, size=(8.0, 4.0, 2.0), slice_number=None, of_object=None):
    """Return a box as ``detections.json`` has it; positions in LPS mm."""
    angle = np.deg2rad(angle_deg)
    along, across = np.array([np.cos(angle), np.sin(angle), 0]), np.array([-np.sin(angle), np.cos(angle), 0])
    halves = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    corners = [np.array(center) + a * size[0] * along + b * size[1] * across for a, b in halves]
    return {
        "id": number,
        "label": label,
        "score": score,
        "slice": slice_number,
        "corners_px": [[float(x), float(y)] for x, y, _z in corners],
        "corners_lps_mm": [corner.tolist() for corner in corners],
        "centre_lps_mm": list(center),
        "axes_lps": [along.tolist(), across.tolist(), [0.0, 0.0, 1.0]],
        "size_mm": list(size),
        "length_mm": size[0],
        "width_mm": size[1],
        "length_px": size[0],
        "width_px": size[1],
        "angle_deg": angle_deg % 180,
        "object": of_object,
    }


def _content(boxes, objects=(), known=True, plane="picture"):
    return {
        "format_version": 1,
        "image": {"spacing_is_known": known, "plane": plane},
        "labels": LABELS,
        "score_threshold": 0.2,
        "boxes": boxes,
        "objects": list(objects),
    }


PICTURE = [
    _box(1, "nodule", 0.5, (10.0, -20.0, 3.0), 30.0),
    _box(2, "small vessel", 0.9, (-15.0, 5.0, 3.0), 100.0, (20.0, 3.0, 2.0)),
]
LINKED_BOXES = [_box(n, "nodule", 0.3 + n / 10, (1.0, 2.0, n), 45.0, (6.0, 5.0, 1.0), n, 1) for n in (1, 2, 3)]
LINKED = {**LINKED_BOXES[1], "id": 1, "score": 0.6, "size_mm": [6.0, 5.0, 3.0], "slices": [1, 3], "boxes": [1, 2, 3]}


@pytest.fixture
def imported(slicer_host, tmp_path):
    """Import hand-made detections and return their nodes."""
    import slicer
    from OrientedDetectionLib.DetectionRequest import DetectionRequest
    from OrientedDetectionLib.DetectionResultImport import DetectionResultImport
    from SlicerMambaMedLib.SceneChange import SceneChange

    def make(content, shape="roi"):
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        (tmp_path / "detections.json").write_text(json.dumps(content), encoding="utf-8")
        (tmp_path / "table.csv").write_text("id,label,score\n1,nodule,0.5\n", encoding="utf-8")
        outputs = {"detections": tmp_path / "detections.json", "table": tmp_path / "table.csv"}
        record = {"task": "detect", "settings": {}, "inputs": [{"name": "image"}]}
        directory = SimpleNamespace(result=lambda: record, outputs=outputs)
        importer = DetectionResultImport(DetectionRequest(volume, None, shape=shape), slicer.mrmlScene)
        with SceneChange(slicer.mrmlScene):
            return importer(directory, SimpleNamespace(warnings=["Thick slices."]))

    return make


def test_boxes_lie_where_they_were_found_turned_and_coloured(imported):
    nodes = imported(_content(PICTURE))
    vessel, nodule = nodes.markups
    assert [node.GetName() for node in nodes.markups] == ["small vessel 2 (0.90)", "nodule 1 (0.50)"]
    np.testing.assert_allclose(nodule.GetCenter(), (-10.0, 20.0, 3.0), atol=1e-9)
    np.testing.assert_allclose(nodule.GetSize(), (8.0, 4.0, 2.0))
    axis = np.zeros(3)
    nodule.GetXAxisWorld(axis)
    np.testing.assert_allclose(axis, (-np.cos(np.pi / 6), -np.sin(np.pi / 6), 0), atol=1e-9)
    np.testing.assert_allclose(vessel.GetDisplayNode().GetSelectedColor(), np.array((86, 180, 233)) / 255)
    assert vessel.GetLocked()
    assert nodes.warnings == ("Thick slices.",)


@pytest.mark.parametrize("shape", ["roi", "plane"])
def test_a_markup_enters_the_scene_finished(imported, shape):
    """Views and trees look again at each event of a node that they show: there are hardly any after it was added."""
    import slicer
    import vtk

    scene = slicer.mrmlScene
    events = {"added": 0, "modified": 0, "other": 0}

    def count(name):
        events[name] += 1

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def on_added(caller, event, node):
        if "Markups" in node.GetClassName():
            count("added")
            node.AddObserver("AnyEvent", lambda c, event: count("modified" if event == "ModifiedEvent" else "other"))

    tag = scene.AddObserver(scene.NodeAddedEvent, on_added)
    boxes = [_box(number, "nodule", 0.5, (1.0 * number, 2.0, 3.0), 3.0 * number) for number in range(1, 31)]
    nodes = imported(_content(boxes), shape)
    scene.RemoveObserver(tag)
    assert len(nodes.markups) == 30
    assert events["added"] == 60  # with the display nodes
    assert events["modified"] + events["other"] <= 30
    assert all(node.GetNumberOfDisplayNodes() == 1 for node in nodes.markups)


def test_planes_have_the_size_and_the_corners_of_the_boxes(imported):
    import vtk

    nodes = imported(_content(PICTURE), shape="plane")
    vessel = nodes.markups[0]
    assert vessel.GetSize() == (20.0, 3.0)
    corners = vtk.vtkPoints()
    vessel.GetPlaneCornerPointsWorld(corners)
    found = np.array(sorted(corners.GetPoint(i) for i in range(4)))
    expected = np.array(sorted((-x, -y, z) for x, y, z in PICTURE[1]["corners_lps_mm"]))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_linked_boxes_are_one_object_with_its_slices(imported, tmp_path):
    from OrientedDetectionLib.DetectionLogic import DetectionLogic
    from OrientedDetectionLib.DetectionResult import DetectionResult
    from OrientedDetectionLib.DetectionRows import detectionRows

    nodes = imported(_content(LINKED_BOXES, [LINKED], plane="axial"))
    result = DetectionResult(nodes.record)
    header, rows = detectionRows(result.detection, result.items)
    assert header == ["Label", "Score", "Length (mm)", "Width (mm)", "Depth (mm)", "Angle (°)", "Slices"]
    assert rows == [["nodule 1", "0.60", "6.0", "5.0", "3.0", "45", "1 - 3"]]
    files = DetectionLogic().save(nodes.record, tmp_path / "found.txt")
    assert [file.name for file in files] == [f"found_slice_{number:04d}.txt" for number in (1, 2, 3)]
    assert files[0].read_text(encoding="utf-8").endswith(" nodule 0\n")


def test_lengths_without_a_known_pixel_size_are_pixels(imported, tmp_path):
    from OrientedDetectionLib.DetectionLogic import DetectionLogic
    from OrientedDetectionLib.DetectionResult import DetectionResult
    from OrientedDetectionLib.DetectionRows import detectionRows

    nodes = imported(_content(PICTURE, known=False))
    result = DetectionResult(nodes.record)
    header, _rows = detectionRows(result.detection, result.items)
    assert header[2:4] == ["Length (px)", "Width (px)"]
    (file,) = DetectionLogic().save(nodes.record, tmp_path / "found.csv", leastScore=0.6)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert "length_px" in lines[0]
    assert lines[1].startswith("2,small vessel,0.9,,,20,3,2,100,-15,5,3")


def test_a_saved_markups_file_is_loaded_as_what_it_was(imported, tmp_path, slicer_host):
    import slicer
    from OrientedDetectionLib.DetectionLogic import DetectionLogic

    nodes = imported(_content(PICTURE))
    (file,) = DetectionLogic().save(nodes.record, tmp_path / "found.mrk.json")
    slicer.modules.markups.logic().LoadMarkups(str(file), "found")
    known = set(nodes.markups)
    loaded = [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode") if node not in known]
    assert len(loaded) == len(nodes.markups)
    for again, node in zip(loaded, nodes.markups, strict=True):
        np.testing.assert_allclose(again.GetCenter(), node.GetCenter(), atol=1e-6)
        np.testing.assert_allclose(again.GetSize(), node.GetSize(), atol=1e-6)
    assert "small-vessel" in DetectionLogic().save(nodes.record, tmp_path / "found.txt")[0].read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"ends with .txt, .csv or .mrk.json"):
        DetectionLogic().save(nodes.record, tmp_path / "found.xyz")


def test_a_result_that_cannot_be_read_leaves_the_scene_as_it_was(imported):
    import slicer

    imported(_content(PICTURE))
    names = ("MarkupsROI", "Text", "Table")
    before = [slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{name}Node") for name in names]
    with pytest.raises(ValueError, match="version 7"):
        imported({**_content(PICTURE), "format_version": 7})
    with pytest.raises(ValueError, match="cannot be read"):
        imported({**_content([]), "labels": [{"name": "x"}]})
    assert [slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{name}Node") for name in names] == before
