"""Where results stand in the tree of the Data module."""

from __future__ import annotations

from typing import Any

import slicer

__all__ = ["folderBeside", "placeBeside", "placeIn", "removeFolder"]


def placeBeside(node: Any, reference: Any | None) -> None:
    """Put a node into the folder, study or patient that holds the reference node (the top level without one)."""
    scene = node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is None:
        return
    _place(hierarchy, node, _parentOf(hierarchy, reference))


def folderBeside(scene: Any, name: str, reference: Any | None) -> int:
    """Make a folder where ``placeBeside`` would put a node, and return its item (0 in a scene without hierarchy)."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    return int(hierarchy.CreateFolderItem(_parentOf(hierarchy, reference), name)) if hierarchy is not None else 0


def placeIn(node: Any, folder: int) -> None:
    """Put a node into a folder."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    if hierarchy is not None and folder:
        _place(hierarchy, node, folder)


def removeFolder(scene: Any, folder: int) -> None:
    """Remove a folder and leave the nodes in it alone."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is not None and folder:
        hierarchy.RemoveItem(folder, False, False)


def _parentOf(hierarchy: Any, reference: Any | None) -> int:
    scene = hierarchy.GetSceneItemID()
    item = hierarchy.GetItemByDataNode(reference) if reference is not None else 0
    return int((hierarchy.GetItemParent(item) or scene) if item else scene)


def _place(hierarchy: Any, node: Any, parent: int) -> None:
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)
