"""Volumes resampled and mixed for comparing: what MRML's slice views do, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry
from vtk.util.numpy_support import vtk_to_numpy

__all__ = ["checkerboard", "displayed", "resampledOnto"]


def resampledOnto(moving: Any, fixed: Any) -> np.ndarray:
    """Return a scalar volume, where it is shown now, on the grid of another one; linear, [k, j, i].

    This is the resampling of the slice views: through all parent transforms of both. Outside of the moving volume it
    has that volume's smallest value.
    """
    fromFixedToMoving = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        fixed.GetParentTransformNode(), moving.GetParentTransformNode(), fromFixedToMoving
    )
    geometry = VolumeGeometry.ofVolumeNode(fixed, inWorld=False)
    rasToIjk = vtk.vtkMatrix4x4()
    moving.GetRASToIJKMatrix(rasToIjk)
    chain = vtk.vtkGeneralTransform()
    chain.PostMultiply()
    chain.Concatenate(geometry.asVtkMatrix())
    chain.Concatenate(fromFixedToMoving)
    chain.Concatenate(rasToIjk)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(moving.GetImageData())
    reslice.SetResliceTransform(chain)
    reslice.SetInterpolationModeToLinear()
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputExtent(0, geometry.size[0] - 1, 0, geometry.size[1] - 1, 0, geometry.size[2] - 1)
    reslice.SetBackgroundLevel(moving.GetImageData().GetScalarRange()[0])
    reslice.Update()
    image = reslice.GetOutput()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    shape = geometry.size[::-1]
    return values.reshape(shape if values.ndim == 1 else (*shape, values.shape[1])).copy()


def displayed(voxels: np.ndarray, node: Any) -> np.ndarray:
    """Return grey values 0 to 255 as the window of a volume's display shows them; colour becomes luminance."""
    values = voxels[..., :3].mean(axis=-1) if voxels.ndim == 4 else voxels
    display = node.GetDisplayNode()
    if display is not None and display.IsA("vtkMRMLScalarVolumeDisplayNode") and display.GetWindow() > 0:
        low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    else:
        low, high = float(values.min()), float(values.max())
    scaled = (values.astype(np.float32) - low) * (255.0 / max(high - low, 1e-6))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def checkerboard(first: np.ndarray, second: np.ndarray, spacingMm: Any, tileMm: float) -> np.ndarray:
    """Return an image of cubes taken in turn from two arrays [k, j, i] of the same shape.

    Args:
        first: what the first cube shows.
        second: what its neighbours show.
        spacingMm: distance of neighbouring voxels along i, j, k.
        tileMm: edge of the cubes.
    """
    turns = [
        np.floor(np.arange(count) * spacing / tileMm).astype(int)
        for count, spacing in zip(first.shape, tuple(spacingMm)[::-1], strict=True)
    ]
    odd = (turns[0][:, None, None] + turns[1][None, :, None] + turns[2][None, None, :]) % 2 == 1
    return np.where(odd, second, first)
