"""A label map file to a segmentation node with names, colours and terminology."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
import vtk

from SlicerMambaMedLib.Terminology import terminologyEntry
from SlicerMambaMedLib.VolumeFile import readVolumeOnGrid
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["fillSegmentationNode", "readSegments", "segmentIds"]


def readSegments(path: Path, grid: VolumeGeometry, labels: Sequence[dict[str, Any]]) -> Any:
    """Read a label map and return a vtkSegmentation with one segment per label; the scene is not touched.

    All segments share one image, so that a hundred labels cost no more memory than one. A label that the image does
    not hold becomes an empty segment: it was looked for and not found.

    Args:
        path: label map file on the grid.
        grid: the input's grid in the world (RAS).
        labels: from the run record: ``value``, ``name``, ``color`` (three numbers, 0 to 255) and ``terminology``.

    Raises:
        ValueError: the file cannot be read or lies on another grid.
    """
    labelmap = readVolumeOnGrid(path, slicer.vtkMRMLLabelMapVolumeNode(), grid)
    image = slicer.vtkOrientedImageData()
    image.DeepCopy(labelmap.GetImageData())
    image.SetGeometryFromImageToWorldMatrix(grid.asVtkMatrix())
    representation = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName(representation)
    for label in labels:
        segment = slicer.vtkSegment()
        segment.SetName(str(label["name"]))
        color = label.get("color")
        if color:
            segment.SetColor(*(float(value) / 255.0 for value in color))
        entry = terminologyEntry(label.get("terminology"))
        if entry:
            segment.SetTag(segment.GetTerminologyEntryTagName(), entry)
        segment.SetLabelValue(int(label["value"]))
        segment.AddRepresentation(representation, image)
        segmentation.AddSegment(segment, segmentation.GenerateUniqueSegmentID(str(label["name"])))
    geometryText = slicer.vtkSegmentationConverter.SerializeImageGeometry(image)
    segmentation.SetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(), geometryText
    )
    return segmentation


def fillSegmentationNode(node: Any, segmentation: Any, referenceVolume: Any | None) -> None:
    """Put a vtkSegmentation into a segmentation node of the scene, in place of what it held.

    Args:
        node: vtkMRMLSegmentationNode.
        segmentation: from ``readSegments``.
        referenceVolume: the input volume, whose grid the segmentation lies on; may be gone.
    """
    node.SetAndObserveSegmentation(segmentation)
    node.SetAndObserveTransformNodeID(None)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    if referenceVolume is not None and referenceVolume.GetScene() is not None:
        node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), referenceVolume.GetID())


def segmentIds(node: Any) -> list[str]:
    """Return the identifiers of the segments in their order."""
    ids = vtk.vtkStringArray()
    node.GetSegmentation().GetSegmentIDs(ids)
    return [ids.GetValue(index) for index in range(ids.GetNumberOfValues())]
