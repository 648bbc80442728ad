"""A perceptually uniform colour map for probabilities, uncertainties and other heat maps."""

from __future__ import annotations

from typing import Any

__all__ = ["HEAT_MAP_NAME", "heatMapNode", "showAsHeatMap"]

HEAT_MAP_NAME = "MambaMed heat"

# Position, red, green, blue: 17 points of the map "inferno" of matplotlib (S. van der Walt and N. Smith, CC0).
_INFERNO = (
    (0.0000, 0.0015, 0.0005, 0.0139),
    (0.0625, 0.0423, 0.0281, 0.1411),
    (0.1250, 0.1293, 0.0473, 0.2908),
    (0.1875, 0.2383, 0.0366, 0.3964),
    (0.2500, 0.3415, 0.0623, 0.4294),
    (0.3125, 0.4412, 0.0993, 0.4316),
    (0.3750, 0.5409, 0.1347, 0.4151),
    (0.4375, 0.6401, 0.1714, 0.3811),
    (0.5000, 0.7357, 0.2159, 0.3302),
    (0.5625, 0.8224, 0.2752, 0.2661),
    (0.6250, 0.8943, 0.3534, 0.1936),
    (0.6875, 0.9470, 0.4492, 0.1153),
    (0.7500, 0.9784, 0.5579, 0.0349),
    (0.8125, 0.9879, 0.6753, 0.0653),
    (0.8750, 0.9746, 0.7977, 0.2063),
    (0.9375, 0.9476, 0.9174, 0.4107),
    (1.0000, 0.9884, 0.9984, 0.6449),
)


def heatMapNode(scene: Any) -> Any:
    """Return the heat map of this scene, added when it is needed for the first time."""
    node = scene.GetFirstNodeByName(HEAT_MAP_NAME)
    if node is not None and node.IsA("vtkMRMLProceduralColorNode"):
        return node
    node = scene.AddNewNodeByClass("vtkMRMLProceduralColorNode", HEAT_MAP_NAME)
    # Hidden colour nodes are not saved with the scene.
    node.SetHideFromEditors(False)
    function = node.GetColorTransferFunction()
    function.RemoveAllPoints()
    for position, red, green, blue in _INFERNO:
        function.AddRGBPoint(position, red, green, blue)
    return node


def showAsHeatMap(volume: Any, threshold: float, minimum: float = 0.0, maximum: float = 1.0) -> None:
    """Show a scalar volume in heat colours and hide what lies below the threshold.

    Args:
        volume: a scalar volume node of a scene.
        threshold: values below it are transparent.
        minimum: value of the darkest colour.
        maximum: value of the brightest colour.
    """
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.SetAndObserveColorNodeID(heatMapNode(volume.GetScene()).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(minimum, maximum)
    display.SetApplyThreshold(True)
    display.SetThreshold(threshold, maximum)
