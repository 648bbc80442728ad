"""Segmentation nodes to label map files for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from SlicerMambaMedLib.NrrdFile import writeNrrd
from SlicerMambaMedLib.SegmentationImport import segmentIds
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["exportSegments", "segmentNames", "segmentValues"]


def segmentNames(node: Any) -> list[str]:
    """Return the names of the segments in their order."""
    segmentation = node.GetSegmentation()
    return [segmentation.GetSegment(identifier).GetName() for identifier in segmentIds(node)]


def segmentValues(node: Any) -> dict[str, int]:
    """Return segment name to label value: 1, 2, ... in the order of the segments."""
    return {name: value for value, name in enumerate(segmentNames(node), start=1)}


def exportSegments(
    node: Any, reference: Any, geometry: VolumeGeometry, path: Path, values: Mapping[str, int] | None = None
) -> str:
    """Write the segments of a node as one label map on the grid of a volume, and return the file's SHA-256.

    Args:
        node: vtkMRMLSegmentationNode.
        reference: volume node whose voxels are labelled.
        geometry: the grid of the volume as it was written for the engine.
        path: NRRD file.
        values: segment name to label value; segments that are not named here are left out. ``segmentValues`` if None.

    Raises:
        ValueError: no segment holds a voxel of the volume, or there are more than 255.
    """
    values = segmentValues(node) if values is None else values
    if len(values) > 255:
        text = _('The segmentation "{name}" has {count} segments; at most 255 can be used.')
        raise ValueError(text.format(name=node.GetName(), count=len(values)))
    labels = np.zeros(tuple(reversed(geometry.size)), dtype=np.uint8)
    for identifier, name in zip(segmentIds(node), segmentNames(node), strict=True):
        if name in values:
            labels[slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, reference) > 0] = values[name]
    if not labels.any():
        text = _('The segmentation "{name}" holds no voxel of "{volume}". Choose the one that belongs to it.')
        raise ValueError(text.format(name=node.GetName(), volume=reference.GetName()))
    return writeNrrd(path, labels, geometry)
