"""Colours of a Jacobian map: blue where space shrinks, grey where it is kept, red where it grows."""

from __future__ import annotations

from typing import Any

__all__ = ["JACOBIAN_COLORS_NAME", "showAsJacobian"]

JACOBIAN_COLORS_NAME = "MambaMed Jacobian"

# Position, red, green, blue: the diverging map of K. Moreland (2009), "Diverging Color Maps for Scientific
# Visualization", at nine points; even in lightness on both sides and safe for colour-blind readers.
_COOL_WARM = (
    (0.000, 0.230, 0.299, 0.754),
    (0.125, 0.384, 0.510, 0.918),
    (0.250, 0.554, 0.690, 0.996),
    (0.375, 0.720, 0.812, 0.976),
    (0.500, 0.865, 0.865, 0.865),
    (0.625, 0.956, 0.769, 0.678),
    (0.750, 0.957, 0.598, 0.477),
    (0.875, 0.866, 0.377, 0.302),
    (1.000, 0.706, 0.016, 0.150),
)


def jacobianColorNode(scene: Any) -> Any:
    """Return the colours of this scene, added when they are needed for the first time."""
    node = scene.GetFirstNodeByName(JACOBIAN_COLORS_NAME)
    if node is not None and node.IsA("vtkMRMLProceduralColorNode"):
        return node
    node = scene.AddNewNodeByClass("vtkMRMLProceduralColorNode", JACOBIAN_COLORS_NAME)
    # Hidden colour nodes are not saved with the scene.
    node.SetHideFromEditors(False)
    function = node.GetColorTransferFunction()
    function.RemoveAllPoints()
    for position, red, green, blue in _COOL_WARM:
        function.AddRGBPoint(position, red, green, blue)
    return node


def showAsJacobian(volume: Any, halfRange: float = 1.0) -> None:
    """Show a map of determinants in these colours, with 1 (volume kept) in the middle.

    Args:
        volume: a scalar volume node of a scene.
        halfRange: distance of the strongest colours from 1.
    """
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.SetAndObserveColorNodeID(jacobianColorNode(volume.GetScene()).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(1.0 - halfRange, 1.0 + halfRange)
    display.SetApplyThreshold(False)
