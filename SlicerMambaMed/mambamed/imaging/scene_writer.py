"""The process that writes a Slicer scene with slicer-core; reads its order (``mambamed.imaging.scene``) as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["write"]

SLICE_VIEWS = ("Red", "Green", "Yellow")


def write(order: dict[str, Any]) -> None:
    """Build the scene and write it as a bundle.

    Raises:
        RuntimeError: a file cannot be read or the bundle cannot be written.
    """
    import slicer

    scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkMRMLApplicationLogic()
    application_logic.SetMRMLScene(scene)
    segmentations_logic = slicer.vtkSlicerSegmentationsModuleLogic()
    segmentations_logic.SetMRMLApplicationLogic(application_logic)
    segmentations_logic.SetMRMLScene(scene)

    volume = _read_volume(slicer, scene, "vtkMRMLScalarVolumeNode", order["volume"], order["volume_name"])
    volume.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    labelmap = _read_volume(slicer, scene, "vtkMRMLLabelMapVolumeNode", order["labelmap"], "labels")
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", order["segmentation_name"])
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    if not segmentations_logic.ImportLabelmapToSegmentationNode(labelmap, segmentation):
        raise RuntimeError("the label map could not be turned into a segmentation")
    scene.RemoveNode(labelmap)
    _name_segments(segmentation, order["segments"])
    for view in SLICE_VIEWS:
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetSingletonTag(view)
        composite.SetLayoutName(view)
        scene.AddNode(composite).SetBackgroundVolumeID(volume.GetID())
    # The bundle's inner folder takes the file's name: write under the final stem, then move.
    target = Path(order["scene"])
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".scene-") as folder:
        bundle = Path(folder) / "scene.mrb"
        if not scene.WriteToMRB(str(bundle), None):
            raise RuntimeError("the scene bundle could not be written; is the disk full?")
        bundle.replace(target)


def _read_volume(slicer: Any, scene: Any, class_name: str, file_name: str, node_name: str) -> Any:
    node = scene.AddNewNodeByClass(class_name, node_name)
    node.CreateDefaultDisplayNodes()
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(file_name)
    if not storage.ReadData(node):
        raise RuntimeError(f"{file_name} could not be read")
    node.SetName(node_name)
    return node


def _name_segments(segmentation: Any, segments: list[dict[str, Any]]) -> None:
    """Give the segments, which the import knows by their label values, their names, colours and terminology."""
    by_value = {segment["value"]: segment for segment in segments}
    content = segmentation.GetSegmentation()
    for index in range(content.GetNumberOfSegments()):
        segment = content.GetNthSegment(index)
        description = by_value.get(segment.GetLabelValue())
        if description is None:
            continue
        segment.SetName(description["name"])
        segment.SetColor(*description["color"])
        if description["terminology"]:
            segment.SetTerminology(description["terminology"])


if __name__ == "__main__":
    try:
        write(json.load(sys.stdin))
    except RuntimeError as failure:
        sys.exit(str(failure))
