"""Where a node lies: in the world, or below the transform that an earlier registration has set on it.

A registration ends with the moving volume under its result transform. A second registration of the same volume begins
where the volume lies below that transform, so that a result always holds the whole way from fixed to moving.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

__all__ = [
    "OUTPUT_ATTRIBUTE",
    "RESULT_ATTRIBUTE",
    "isLinearlyPlaced",
    "matrixAsArray",
    "placementMatrix",
    "placementTransform",
    "resultTransformOver",
]

RESULT_ATTRIBUTE = "MambaMed.RegistrationTransform"
"""Set on the transform nodes that registrations have made: ``result``, ``inverse`` or ``preview``."""
OUTPUT_ATTRIBUTE = "MambaMed.RegistrationOutput"
"""Set on the volumes of a result: the engine's name of the output."""


def resultTransformOver(node: Any) -> Any | None:
    """Return the nearest parent transform that a registration has made, or None."""
    parent = node.GetParentTransformNode()
    while parent is not None and parent.GetAttribute(RESULT_ATTRIBUTE) is None:
        parent = parent.GetParentTransformNode()
    return parent


def isLinearlyPlaced(node: Any, top: Any | None = None) -> bool:
    """Whether the parents of a node keep straight lines straight.

    Args:
        node: a volume, segmentation or markups node.
        top: the transform node below which the parents count; None for all of them.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return True
    return bool(parent.IsTransformToNodeLinear(top) if top is not None else parent.IsTransformToWorldLinear())


def placementMatrix(node: Any, top: Any | None = None) -> np.ndarray:
    """Return the 4x4 matrix from a node's own coordinates to its place below ``top`` (RAS mm); it must be linear."""
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(node.GetParentTransformNode(), top, matrix)
    return matrixAsArray(matrix)


def placementTransform(node: Any, top: Any | None = None) -> Any:
    """Return a new vtkGeneralTransform from a node's own coordinates to its place below ``top`` (RAS mm).

    It is a copy: it stays what it is when the parents change later.
    """
    found = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(node.GetParentTransformNode(), top, found)
    copy = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.DeepCopyTransform(copy, found)
    return copy


def matrixAsArray(matrix: Any) -> np.ndarray:
    """Return a vtkMatrix4x4 as an array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
