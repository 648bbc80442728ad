"""Puts nodes under a registration's result, remembers where they were, and takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import vtk
from SlicerMambaMedLib.Text import tr as _

from DISARegistrationLib.Placement import isLinearlyPlaced
from DISARegistrationLib.Placement import placementMatrix
from DISARegistrationLib.Placement import placementTransform
from DISARegistrationLib.Placement import resultTransformOver

__all__ = ["Placed", "moveUnder", "movedNodes", "takeBack"]

_MOVED_ROLE = "mambamedMoved"
_FORMER_ROLE = "mambamedFormerParent"
_PLACEMENT_ROLE = "mambamedPlacement"


class Placed:
    """A node with its place at one time, so that a result found for that place can be applied to it later.

    Args:
        node: a volume or markups node.
    """

    def __init__(self, node: Any) -> None:
        top = resultTransformOver(node)
        self.node = node
        self.hasParents = node.GetParentTransformNode() not in (None, top)
        self.matrix = placementMatrix(node, top) if isLinearlyPlaced(node, top) else None
        self.transform = placementTransform(node, top)


def moveUnder(holder: Any, transformNode: Any, placed: Sequence[Placed]) -> None:
    """Put nodes under a transform node; parents that they had otherwise are copied in between.

    Args:
        holder: node that remembers where they were (the run record, or the preview's transform).
        transformNode: the registration's result, fixed -> moving.
        placed: the nodes with the places that the result belongs to.
    """
    scene = transformNode.GetScene()
    for index, item in enumerate(placed):
        node = item.node
        former = node.GetParentTransformNode()
        parent = transformNode
        if item.hasParents:
            parent = _addPlacement(scene, item, transformNode)
            holder.SetNodeReferenceID(f"{_PLACEMENT_ROLE}{index}", parent.GetID())
        holder.SetNodeReferenceID(f"{_MOVED_ROLE}{index}", node.GetID())
        holder.SetNodeReferenceID(f"{_FORMER_ROLE}{index}", former.GetID() if former is not None else None)
        node.SetAndObserveTransformNodeID(parent.GetID())


def movedNodes(holder: Any) -> list[Any]:
    """Return the nodes that were put under the result and are still in the scene."""
    return [node for node, _former, _placement in _memories(holder) if node is not None]


def takeBack(holder: Any, transformNode: Any) -> None:
    """Put the nodes back under the parents that they had, unless they were put elsewhere meanwhile."""
    for node, former, placement in _memories(holder):
        if node is not None and node.GetParentTransformNode() in (transformNode, placement):
            node.SetAndObserveTransformNodeID(former.GetID() if former is not None else None)
        if placement is not None and placement.GetScene() is not None:
            placement.GetScene().RemoveNode(placement)


def _memories(holder: Any) -> list[tuple[Any, Any, Any]]:
    """Return node, former parent and placement copy of each moved node."""
    found = []
    index = 0
    while holder.GetNodeReferenceID(f"{_MOVED_ROLE}{index}"):
        roles = (_MOVED_ROLE, _FORMER_ROLE, _PLACEMENT_ROLE)
        node, former, placement = (holder.GetNodeReference(f"{role}{index}") for role in roles)
        found.append((node, former, placement))
        index += 1
    return found


def _addPlacement(scene: Any, item: Placed, transformNode: Any) -> Any:
    """Add a transform node that holds a node's former place, under the result."""
    isLinear = item.matrix is not None
    className = "vtkMRMLLinearTransformNode" if isLinear else "vtkMRMLTransformNode"
    name = scene.GenerateUniqueName(_("{name} placement").format(name=item.node.GetName()))
    placement = scene.AddNewNodeByClass(className, name)
    if isLinear:
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(np.asarray(item.matrix).ravel().tolist())
        placement.SetMatrixTransformToParent(matrix)
    else:
        placement.SetAndObserveTransformToParent(item.transform)
    placement.SetAndObserveTransformNodeID(transformNode.GetID())
    return placement
