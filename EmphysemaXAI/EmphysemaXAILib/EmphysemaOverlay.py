"""Which segmentation or heat map of a result is laid over the CT; knows no widget."""

from __future__ import annotations

from typing import Any

import slicer
from SlicerMambaMedLib.Text import tr as _

from EmphysemaXAILib.EmphysemaResultImport import MAP_MAXIMUM_ATTRIBUTE
from EmphysemaXAILib.InputReferences import inputNode
from EmphysemaXAILib.ResultNodes import MAP_PREFIX
from EmphysemaXAILib.ResultNodes import nodesByRole

__all__ = ["NOTHING", "EmphysemaOverlay"]

NOTHING = ""


class EmphysemaOverlay:
    """Shows one overlay of one result at a time; opacity and threshold act at once.

    Args:
        recordNode: the result's run record, or None.
    """

    def __init__(self, recordNode: Any | None) -> None:
        self._record = recordNode
        self._nodes = nodesByRole(recordNode)

    def choices(self) -> dict[str, str]:
        """Return what can be shown: key to name, nothing first."""
        from mambamed.emphysema.report.measure_text import method_title

        names = {
            "low_attenuation": _("Low attenuation"),
            "patterns": _("Local patterns"),
            "regions": _("Lung regions"),
            "lobes": _("Lobes"),
            "airways": _("Airways"),
        }
        found = {NOTHING: _("None")}
        found |= {key: name for key, name in names.items() if key in self._nodes}
        maps = [key for key in self._nodes if key.startswith(MAP_PREFIX)]
        return found | {key: method_title(key[len(MAP_PREFIX) :]) for key in maps}

    def isMap(self, key: str) -> bool:
        """Whether a key names a heat map, which has a threshold."""
        return key.startswith(MAP_PREFIX) and key in self._nodes

    def node(self, key: str) -> Any | None:
        """Return the node of a key."""
        return self._nodes.get(key)

    def maximum(self, key: str) -> float:
        """Return the value of a heat map's brightest colour."""
        return float(self._nodes[key].GetAttribute(MAP_MAXIMUM_ATTRIBUTE) or 1.0)

    def show(self, key: str, opacity: float, threshold: float) -> None:
        """Show one overlay over the CT and hide the result's others.

        Args:
            key: one of ``choices``; what the result lacks shows nothing.
            opacity: 0 to 1.
            threshold: share of a heat map's brightest colour below which it is transparent.
        """
        for name, node in self._nodes.items():
            if node.IsA("vtkMRMLSegmentationNode"):
                node.SetDisplayVisibility(name == key)
                node.GetDisplayNode().SetVisibility2DOutline(True)
            elif node.IsA("vtkMRMLScalarVolumeNode"):
                self._legend(node, name == key)
        self._setLayers(self._nodes[key] if self.isMap(key) else None, opacity)
        self.setOpacity(key, opacity)
        self.setThreshold(threshold)

    def setOpacity(self, key: str, opacity: float) -> None:
        """Set the opacity of the overlay that is shown."""
        node = self._nodes.get(key)
        if node is None:
            return
        if node.IsA("vtkMRMLSegmentationNode"):
            node.GetDisplayNode().SetOpacity2DFill(opacity)
            node.GetDisplayNode().SetOpacity2DOutline(min(1.0, 1.5 * opacity))
        elif slicer.app.layoutManager() is not None:
            slicer.util.setSliceViewerLayers(foregroundOpacity=opacity)

    def setThreshold(self, threshold: float) -> None:
        """Set the share of the brightest colour below which the heat maps are transparent."""
        for key, node in self._nodes.items():
            if self.isMap(key):
                maximum = self.maximum(key)
                # Values above the brightest colour stay visible; 0 is what lies outside the lungs.
                lowest = max(threshold * maximum, 1e-6 * maximum)
                node.GetDisplayNode().SetThreshold(lowest, float(node.GetImageData().GetScalarRange()[1]) + maximum)

    def _setLayers(self, heatMap: Any | None, opacity: float) -> None:
        if slicer.app.layoutManager() is None:
            return
        ct = inputNode(self._record, "ct") if self._record is not None else None
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        if ct is not None and any(node.GetBackgroundVolumeID() != ct.GetID() for node in composites):
            slicer.util.setSliceViewerLayers(background=ct)
        slicer.util.setSliceViewerLayers(foreground=heatMap, foregroundOpacity=opacity if heatMap else 0.0)

    @staticmethod
    def _legend(node: Any, isShown: bool) -> None:
        """Show the colour legend of a heat map, or hide the one that it has."""
        if not hasattr(slicer.modules, "colors") or node.GetDisplayNode() is None:
            return
        logic = slicer.modules.colors.logic()
        legend = logic.GetColorLegendDisplayNode(node)
        if legend is None and isShown:
            legend = logic.AddDefaultColorLegendDisplayNode(node)
            legend.SetTitleText(node.GetName())
            legend.SetLabelFormat("%.2g")
        if legend is not None:
            legend.SetVisibility(isShown)
