"""Volumes and regions of the scene to files and numbers that the engine reads (LPS, millimetres)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

from SlicerMambaMedLib.NrrdFile import writeNrrd
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["ExportedVolume", "exportVolume", "isVolumeUsable", "regionLpsMm", "volumeWarnings"]


@dataclass(frozen=True)
class ExportedVolume:
    """A volume as it was written for the engine.

    Attributes:
        path: the NRRD file.
        sha256: its checksum.
        geometry: its grid in the world (RAS).
        warnings: what was done to the volume on the way and changes how the result must be read.
    """

    path: Path
    sha256: str
    geometry: VolumeGeometry
    warnings: tuple[str, ...] = ()


def isVolumeUsable(node: Any, components: Sequence[int] = (1,)) -> str:
    """Return an empty text when the engine can work on this volume node, else the reason why not.

    Args:
        node: the volume.
        components: numbers of values per voxel that the task can take.
    """
    if node is None:
        return _("No volume is chosen.")
    image = node.GetImageData()
    if image is None:
        return _('The volume "{name}" holds no image.').format(name=node.GetName())
    if 0 in image.GetDimensions():
        return _('The volume "{name}" is empty.').format(name=node.GetName())
    count = image.GetNumberOfScalarComponents()
    if count not in components:
        text = _('The volume "{name}" has {count} values per voxel; a greyscale volume is expected.')
        if len(components) > 1:
            text = _(
                'The volume "{name}" is a series with {count} values per voxel; one grey or colour image is expected. '
                "Extract a frame first."
            )
        return text.format(name=node.GetName(), count=count)
    return ""


def volumeWarnings(node: Any) -> tuple[str, ...]:
    """Return what the user should know before this volume is worked on."""
    transform = node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        text = _(
            'The volume "{name}" is under the warping transform "{transform}": it is resampled on its own grid, and '
            "the result belongs to the warped image."
        )
        return (text.format(name=node.GetName(), transform=transform.GetName()),)
    if VolumeGeometry.ofVolumeNode(node).isSheared:
        text = _('The grid of "{name}" is sheared (not at right angles); the model never saw such images.')
        return (text.format(name=node.GetName()),)
    return ()


def exportVolume(node: Any, path: Path, components: Sequence[int] = (1,)) -> ExportedVolume:
    """Write a volume as NRRD where it lies in the world, without changing the scene.

    A linear parent transform goes into the grid (as hardening would do), the voxels stay as they are. Under a transform
    that is not linear, a copy is resampled through it.

    Args:
        node: the volume.
        path: the NRRD file.
        components: numbers of values per voxel that the task can take.

    Raises:
        ValueError: the node holds no usable image.
    """
    problem = isVolumeUsable(node, components)
    if problem:
        raise ValueError(problem)
    warnings = volumeWarnings(node)
    transform = node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        node = _hardenedCopy(node, transform)
        geometry = VolumeGeometry.ofVolumeNode(node, inWorld=False)
    else:
        geometry = VolumeGeometry.ofVolumeNode(node)
    sha256 = writeNrrd(path, slicer.util.arrayFromVolume(node), geometry)
    return ExportedVolume(path=path, sha256=sha256, geometry=geometry, warnings=warnings)


def regionLpsMm(roiNode: Any) -> tuple[float, float, float, float, float, float]:
    """Return the box (xmin, xmax, ymin, ymax, zmin, zmax) in LPS millimetres that encloses a markups ROI.

    Raises:
        ValueError: the region has no extent.
    """
    bounds = np.zeros(6)
    roiNode.GetRASBounds(bounds)
    xMinimum, xMaximum, yMinimum, yMaximum, zMinimum, zMaximum = (float(value) for value in bounds)
    if not (xMinimum < xMaximum and yMinimum < yMaximum and zMinimum < zMaximum):
        text = _('The region "{name}" has no extent. Draw a box that covers the organ.')
        raise ValueError(text.format(name=roiNode.GetName()))
    return (-xMaximum, -xMinimum, -yMaximum, -yMinimum, zMinimum, zMaximum)


def _hardenedCopy(node: Any, transformNode: Any) -> Any:
    """Return a copy of the volume, outside the scene, resampled through all its parent transforms."""
    copy = slicer.mrmlScene.CreateNodeByClass(node.GetClassName())
    copy.UnRegister(None)
    copy.SetName(node.GetName())
    image = vtk.vtkImageData()
    image.DeepCopy(node.GetImageData())
    copy.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    copy.SetIJKToRASMatrix(matrix)
    toWorld = vtk.vtkGeneralTransform()
    transformNode.GetTransformToWorld(toWorld)
    copy.ApplyTransform(toWorld)
    return copy
