from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from mambamed.errors import BadRequestError
from mambamed.errors import MambaMedError
from mambamed.imaging.scene import write_scene

# slicer-core gets a process of its own, as in the engine.
OPEN_SCENE = """
import json, sys, tempfile
import numpy, slicer, vtk
scene = slicer.vtkMRMLScene()
application = slicer.vtkMRMLApplicationLogic()
application.SetMRMLScene(scene)
logic = slicer.vtkSlicerSegmentationsModuleLogic()
logic.SetMRMLApplicationLogic(application)
logic.SetMRMLScene(scene)
cache = slicer.vtkCacheManager()
cache.SetRemoteCacheDirectory(tempfile.mkdtemp())
files = slicer.vtkDataIOManager()
files.SetCacheManager(cache)
scene.SetDataIOManager(files)
assert scene.ReadFromMRB(sys.argv[1])
volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
segmentation = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
matrix = vtk.vtkMatrix4x4()
volume.GetIJKToRASMatrix(matrix)
content = segmentation.GetSegmentation()
labelmap = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
assert logic.ExportAllSegmentsToLabelmapNode(segmentation, labelmap, 0)  # extent of the reference geometry
labels = slicer.util.arrayFromVolume(labelmap)
segments = []
for index in range(content.GetNumberOfSegments()):
    segment = content.GetNthSegment(index)
    array = labels == index + 1
    segments.append({
        "name": segment.GetName(),
        "color": segment.GetColor(),
        "terminology": segment.GetTerminology(),
        "voxels": int(array.sum()),
        "place": [int(place) for place in numpy.argwhere(array)[0]],
    })
composites = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
print("RESULT" + json.dumps({
    "volume": volume.GetName(),
    "dimensions": volume.GetImageData().GetDimensions(),
    "ijk_to_ras": [matrix.GetElement(row, column) for row in range(4) for column in range(4)],
    "segments": segments,
    "shows_volume": [
        composites.GetItemAsObject(index).GetBackgroundVolumeID() == volume.GetID()
        for index in range(composites.GetNumberOfItems())
    ],
}))
"""

LABELS = [
    {
        "value": 2,
        "name": "Grey matter",
        "color": [213, 94, 0],
        "terminology": {
            "category": {"scheme": "SCT", "code": "123037004", "meaning": "Anatomical Structure"},
            "type": {"scheme": "SCT", "code": "389080008", "meaning": "Gray matter of brain"},
        },
    },
    {"value": 5, "name": "Flüssigkeit", "color": [0, 114, 178]},
]


@pytest.fixture
def files(tmp_path):
    """An oblique, anisotropic volume and its label map."""
    array = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    volume = sitk.GetImageFromArray(array)
    volume.SetSpacing((0.9, 1.3, 2.5))
    volume.SetOrigin((-7.0, 11.0, 3.0))
    volume.SetDirection((0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0))
    labels = np.zeros(array.shape, np.uint8)
    labels[1, 2, 3] = 2
    labels[3, 4, :] = 5
    labelmap = sitk.GetImageFromArray(labels)
    labelmap.CopyInformation(volume)
    sitk.WriteImage(volume, str(tmp_path / "volume.nii.gz"))
    sitk.WriteImage(labelmap, str(tmp_path / "labels.nii.gz"))
    return volume, tmp_path / "volume.nii.gz", tmp_path / "labels.nii.gz"


def test_scene_opens_again_with_geometry_names_colours_and_terminology(tmp_path, files):
    volume, volume_file, labelmap_file = files
    path = write_scene(tmp_path / "out" / "scene.mrb", volume_file, labelmap_file, LABELS, "T1 größer", "Tissues")
    printed = subprocess.run(
        [sys.executable, "-c", OPEN_SCENE, str(path)], capture_output=True, text=True, check=True
    ).stdout
    scene = json.loads(printed[printed.index("RESULT") + len("RESULT") :])
    assert scene["volume"] == "T1 größer"
    assert scene["dimensions"] == [6, 5, 4]
    first, second = scene["segments"]
    assert (first["name"], second["name"]) == ("Grey matter", "Flüssigkeit")
    assert np.allclose(np.array(first["color"]) * 255, [213, 94, 0], atol=0.5)
    assert "SCT^389080008^Gray matter of brain" in first["terminology"]
    assert first["terminology"].count("~") == 6
    assert (first["voxels"], second["voxels"]) == (1, 6)
    # Slicer turns left-handed volumes round while reading: positions stay, indices do not.
    ijk_to_ras = np.array(scene["ijk_to_ras"]).reshape(4, 4)
    position_ras = ijk_to_ras @ [*reversed(first["place"]), 1]
    position_lps = volume.TransformIndexToPhysicalPoint((3, 2, 1))
    assert np.allclose(position_ras[:3] * [-1, -1, 1], position_lps, atol=1e-4)
    assert np.allclose(np.linalg.norm(ijk_to_ras[:3, :3], axis=0), volume.GetSpacing(), atol=1e-4)
    assert scene["shows_volume"] == [True, True, True]
    assert [item.name for item in path.parent.iterdir()] == ["scene.mrb"]


def test_scene_that_exists_is_kept(tmp_path, files):
    (tmp_path / "scene.mrb").write_text("mine")
    with pytest.raises(BadRequestError, match="exists already"):
        write_scene(tmp_path / "scene.mrb", files[1], files[2], LABELS, "T1")
    assert (tmp_path / "scene.mrb").read_text(encoding="utf-8") == "mine"


def test_unreadable_volume_is_named_and_nothing_is_left(tmp_path, files):
    (tmp_path / "broken.nii.gz").write_text("no image")
    with pytest.raises(MambaMedError, match=r"broken\.nii\.gz could not be read"):
        write_scene(tmp_path / "out" / "scene.mrb", tmp_path / "broken.nii.gz", files[2], LABELS, "T1")
    assert list((tmp_path / "out").iterdir()) == []
