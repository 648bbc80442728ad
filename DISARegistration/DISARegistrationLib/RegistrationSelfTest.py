"""A check of the whole way, from two volumes to a transform, that runs anywhere without data."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from SlicerMambaMedLib.SelfTest import addPhantomHead

from DISARegistrationLib.Placement import matrixAsArray

__all__ = ["addMovedCopy", "checkRegistrationOfPhantom", "motionMatrix"]


def motionMatrix(degrees: float, shiftMm: Any) -> np.ndarray:
    """Return a rotation about the superior axis followed by a shift, 4x4, RAS mm."""
    angle = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shiftMm
    return matrix


def addMovedCopy(volume: Any, motion: np.ndarray, name: str = "Moved head") -> Any:
    """Add a copy of a volume that lies elsewhere: every point x of it at motion(x)."""
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(copy, slicer.util.arrayFromVolume(volume).copy())
    ijkToRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijkToRas)
    moved = vtk.vtkMatrix4x4()
    moved.DeepCopy((motion @ matrixAsArray(ijkToRas)).ravel().tolist())
    copy.SetIJKToRASMatrix(moved)
    copy.CreateDefaultDisplayNodes()
    return copy


def checkRegistrationOfPhantom(test: Any, logic: Any, method: str = "mind-ssc") -> Any:
    """Register the phantom with a moved copy of itself and check that the motion was found.

    Args:
        test: a ``unittest.TestCase``.
        logic: the module's logic.
        method: similarity to use.
    """
    fixed = addPhantomHead(slicer.mrmlScene, "Head", spacingMm=(4.0, 5.0, 6.0))
    motion = motionMatrix(6.0, (8.0, -5.0, 4.0))
    moving = addMovedCopy(fixed, motion)
    nodes = logic.register(fixed, moving, method=method, initial="header", warped=False, jacobian=False, device="cpu")
    found = vtk.vtkMatrix4x4()
    nodes.transform.GetMatrixTransformToParent(found)
    corners = np.array([[x, y, z, 1.0] for x in (-60, 60) for y in (-80, 80) for z in (-60, 60)])
    left = np.linalg.norm((corners @ (matrixAsArray(found) @ motion).T - corners)[:, :3], axis=1)
    test.assertLess(left.max(), 4.0, "mm are left of the motion")
    test.assertIs(moving.GetParentTransformNode(), nodes.transform)
    return nodes
