"""Where results stand in the tree of the Data module."""

from __future__ import annotations

from typing import Any

import slicer

__all__ = ["placeBeside"]


def placeBeside(node: Any, reference: Any | None) -> None:
    """Put a node into the folder, study or patient that holds the reference node (the top level without one)."""
    scene = node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is None:
        return
    parent = hierarchy.GetSceneItemID()
    referenceItem = hierarchy.GetItemByDataNode(reference) if reference is not None else 0
    if referenceItem:
        parent = hierarchy.GetItemParent(referenceItem) or parent
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)
