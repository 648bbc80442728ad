"""Found objects as markups of the scene: regions of interest (3D boxes) or planes."""

from __future__ import annotations

from typing import Any

import vtk

from OrientedDetectionLib.Detection import FoundItem

__all__ = ["NUMBER_ATTRIBUTE", "addMarkup", "emphasize", "numberOfMarkup"]

NUMBER_ATTRIBUTE = "MambaMed.DetectionNumber"
_KINDS = {"roi": "vtkMRMLMarkupsROI", "plane": "vtkMRMLMarkupsPlane"}
_FILL_OPACITY = 0.15


def addMarkup(scene: Any, item: FoundItem, shape: str, color: tuple[float, float, float]) -> Any:
    """Add one found object to the scene, locked and without handles, in the color of its label.

    The node and its display node are finished before they enter the scene: views and trees are told of each once,
    where each setting of a node that they show already would let them look again, for each of some hundred objects.

    Args:
        scene: where the node goes.
        item: the object.
        shape: ``roi`` for a box, ``plane`` for a rectangle in the middle of it.
        color: red, green, blue, 0 to 1.
    """
    node = _newNode(scene, f"{_KINDS[shape]}Node")
    node.SetName(item.title)
    node.SetAttribute(NUMBER_ATTRIBUTE, str(item.number))
    node.SetDescription(f"{item.label}, {item.score:.3f}")
    matrix = vtk.vtkMatrix4x4()
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, item.axes[column][row])
        matrix.SetElement(row, 3, item.center[row])
    if shape == "roi":
        node.SetAndObserveObjectToNodeMatrix(matrix)
        node.SetSize(*item.sizeMm)
    else:
        node.SetSizeMode(node.SizeModeAbsolute)
        node.SetCenter(*item.center)
        node.SetAxes(*(list(axis) for axis in item.axes))
        node.SetSize(item.sizeMm[0], item.sizeMm[1])
    node.SetLocked(True)
    display = scene.AddNode(_displayNode(scene, shape, color))
    node.SetAndObserveDisplayNodeID(display.GetID())
    return scene.AddNode(node)


def numberOfMarkup(node: Any) -> int | None:
    """Return the number of the found object that a node shows; None for other nodes."""
    text = node.GetAttribute(NUMBER_ATTRIBUTE)
    return int(text) if text else None


def emphasize(nodes: Any, chosen: Any | None) -> None:
    """Write the name (label, number and score) beside one of the objects and beside none of the others."""
    for node in nodes:
        display = node.GetDisplayNode()
        if display is not None and display.GetPropertiesLabelVisibility() != (node is chosen):
            display.SetPropertiesLabelVisibility(node is chosen)


def _displayNode(scene: Any, shape: str, color: tuple[float, float, float]) -> Any:
    display = _newNode(scene, f"{_KINDS[shape]}DisplayNode")
    display.SetColor(*color)
    display.SetSelectedColor(*color)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(0.5)
    display.SetFillOpacity(_FILL_OPACITY)
    display.SetHandlesInteractive(False)
    return display


def _newNode(scene: Any, className: str) -> Any:
    """Return a node with the user's defaults of its class that is not in the scene yet."""
    node = scene.CreateNodeByClass(className)
    node.UnRegister(None)
    return node
