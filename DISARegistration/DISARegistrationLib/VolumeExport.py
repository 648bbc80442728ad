"""Volumes, masks, points and transforms of the scene to files for a registration (LPS, millimetres).

Everything is written at its place in the world, or below a transform node (``top``, see ``Placement``). The scene is
not changed.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from SlicerMambaMedLib.NodeExport import ExportedVolume
from SlicerMambaMedLib.NrrdFile import writeNrrd
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry
from vtk.util.numpy_support import vtk_to_numpy

from DISARegistrationLib.Placement import isLinearlyPlaced
from DISARegistrationLib.Placement import matrixAsArray
from DISARegistrationLib.Placement import placementMatrix
from DISARegistrationLib.Placement import placementTransform

__all__ = [
    "exportInitialTransform",
    "exportLandmarks",
    "exportMask",
    "exportVolume",
    "landmarkPositions",
    "placedGeometry",
    "volumeProblem",
]

_LUMINANCE = (0.299, 0.587, 0.114)
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def volumeProblem(node: Any) -> str:
    """Return an empty text when a volume can be registered, else one sentence that says why not."""
    name = node.GetName()
    image = node.GetImageData()
    if image is None or 0 in image.GetDimensions():
        return _('The volume "{name}" holds no image.').format(name=name)
    components = image.GetNumberOfScalarComponents()
    if components not in (1, 3, 4) or node.IsA("vtkMRMLDiffusionImageVolumeNode"):
        text = _(
            'The volume "{name}" is a series with {count} values per voxel; one image is expected. Extract a frame '
            "first."
        )
        return text.format(name=name, count=components)
    low, high = image.GetScalarRange()
    if components == 1 and low == high:
        text = _('Every voxel of the volume "{name}" is {value}: there is nothing to align.')
        return text.format(name=name, value=f"{low:g}")
    return ""


def placedGeometry(node: Any, top: Any | None = None) -> VolumeGeometry:
    """Return the grid of a volume at its place (RAS); under a warping transform the volume's own grid."""
    own = VolumeGeometry.ofVolumeNode(node, inWorld=False)
    if not isLinearlyPlaced(node, top):
        return own
    return VolumeGeometry.fromMatrix(own.size, placementMatrix(node, top) @ own.matrix)


def exportVolume(node: Any, path: Path, top: Any | None = None) -> ExportedVolume:
    """Write a volume as NRRD at its place; colour becomes luminance.

    Linear parent transforms go into the grid; under one that is not linear, a copy is resampled through it.

    Raises:
        ValueError: the volume cannot be registered.
    """
    problem = volumeProblem(node)
    if problem:
        raise ValueError(problem)
    warnings = []
    geometry = placedGeometry(node, top)
    source = node
    if not isLinearlyPlaced(node, top):
        source = _hardenedCopy(node, top)
        text = _('The volume "{name}" lies under a warping transform: it was resampled on its own grid.')
        warnings.append(text.format(name=node.GetName()))
    voxels = slicer.util.arrayFromVolume(source)
    if voxels.ndim == 4:
        voxels = np.ascontiguousarray((voxels[..., :3] @ np.array(_LUMINANCE)).astype(np.float32))
        text = _('The volume "{name}" is in colour: its luminance was registered.')
        warnings.append(text.format(name=node.GetName()))
    sha256 = writeNrrd(path, voxels, geometry)
    return ExportedVolume(path=path, sha256=sha256, geometry=geometry, warnings=tuple(warnings))


def exportMask(node: Any, path: Path, top: Any | None = None) -> ExportedVolume:
    """Write where a label map or a segmentation is not empty, on a grid of its own.

    Raises:
        ValueError: it is empty, or lies under a warping transform.
    """
    if not isLinearlyPlaced(node, top):
        text = _('The mask "{name}" lies under a warping transform. Harden the transform first.')
        raise ValueError(text.format(name=node.GetName()))
    if node.IsA("vtkMRMLSegmentationNode"):
        voxels, ijkToOwn = _mergedSegments(node)
    else:
        voxels = slicer.util.arrayFromVolume(node) if node.GetImageData() is not None else np.zeros((1, 1, 1))
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        ijkToOwn = matrixAsArray(matrix)
    mask = np.ascontiguousarray((voxels != 0).astype(np.uint8))
    if not mask.any():
        raise ValueError(_('The mask "{name}" is empty: nothing would count.').format(name=node.GetName()))
    geometry = VolumeGeometry.fromMatrix(mask.shape[::-1], placementMatrix(node, top) @ ijkToOwn)
    return ExportedVolume(path=path, sha256=writeNrrd(path, mask, geometry), geometry=geometry)


def landmarkPositions(node: Any, top: Any | None = None) -> np.ndarray:
    """Return the defined points of a markups node at their place, (N, 3), RAS mm."""
    toPlace = placementTransform(node, top)
    positions = []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined:
            positions.append(toPlace.TransformPoint(node.GetNthControlPointPosition(index)))
    return np.array(positions, dtype=float).reshape(-1, 3)


def exportLandmarks(positions: np.ndarray, path: Path) -> str:
    """Write points (N, 3), RAS mm, as a CSV file in LPS mm and return its SHA-256."""
    with path.open("w", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream)
        writer.writerow(["x", "y", "z"])
        for x, y, z in positions:
            writer.writerow([repr(-float(x)), repr(-float(y)), repr(float(z))])
    return _sha256(path)


def exportInitialTransform(node: Any, path: Path) -> str:
    """Write a linear transform node as ITK's text file of the way fixed -> moving (LPS) and return its SHA-256.

    The node is meant as it would act as the moving volume's parent, so it is inverted.

    Raises:
        ValueError: it is not linear.
    """
    if not node.IsTransformToWorldLinear():
        text = _('The initial transform "{name}" is not linear. Choose a linear one.')
        raise ValueError(text.format(name=node.GetName()))
    toWorld = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToWorld(toWorld)
    fixedToMoving = _LPS @ np.linalg.inv(matrixAsArray(toWorld)) @ _LPS
    numbers = [*fixedToMoving[:3, :3].ravel(), *fixedToMoving[:3, 3]]
    lines = [
        "#Insight Transform File V1.0",
        "#Transform 0",
        "Transform: AffineTransform_double_3_3",
        "Parameters: " + " ".join(repr(float(number)) for number in numbers),
        "FixedParameters: 0 0 0",
        "",
    ]
    path.write_text("\n".join(lines), encoding="ascii")
    return _sha256(path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _mergedSegments(node: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return all segments in one array [k, j, i] (0 is outside) and the matrix from its indices to the node's space."""
    image = slicer.vtkOrientedImageData()
    if node.GetSegmentation().GetNumberOfSegments() > 0:
        node.CreateBinaryLabelmapRepresentation()
        node.GenerateMergedLabelmapForAllSegments(image)
    extent = image.GetExtent()
    size = [extent[1] - extent[0] + 1, extent[3] - extent[2] + 1, extent[5] - extent[4] + 1]
    if min(size) < 1 or image.GetPointData().GetScalars() is None:
        return np.zeros((1, 1, 1)), np.eye(4)
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    ijkToOwn = matrixAsArray(matrix)
    ijkToOwn[:3, 3] += ijkToOwn[:3, :3] @ np.array([extent[0], extent[2], extent[4]])
    return values.reshape(size[::-1]), ijkToOwn


def _hardenedCopy(node: Any, top: Any | None) -> Any:
    """Return a copy of the volume, outside the scene, resampled on its own grid to where it lies."""
    copy = slicer.mrmlScene.CreateNodeByClass(node.GetClassName())
    copy.UnRegister(None)
    image = vtk.vtkImageData()
    image.DeepCopy(node.GetImageData())
    copy.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    copy.SetIJKToRASMatrix(matrix)
    copy.ApplyTransform(placementTransform(node, top))
    return copy
