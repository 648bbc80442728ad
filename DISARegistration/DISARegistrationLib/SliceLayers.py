"""What the slice views show, so that it can be shown again."""

from __future__ import annotations

from typing import Any

__all__ = ["SliceLayers"]


class SliceLayers:
    """The layers of all slice views of a scene at one time.

    Args:
        scene: the MRML scene.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._layers = [
            (node, node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetForegroundOpacity())
            for node in self._compositeNodes()
        ]

    def restore(self) -> None:
        """Show these layers again; volumes that are gone are left out."""
        for node, background, foreground, opacity in self._layers:
            if node.GetScene() is not None:
                node.SetBackgroundVolumeID(self._present(background))
                node.SetForegroundVolumeID(self._present(foreground))
                node.SetForegroundOpacity(opacity)

    def _present(self, identifier: str | None) -> str | None:
        return identifier if identifier and self._scene.GetNodeByID(identifier) is not None else None

    def _compositeNodes(self) -> list[Any]:
        className = "vtkMRMLSliceCompositeNode"
        count = self._scene.GetNumberOfNodesByClass(className)
        return [self._scene.GetNthNodeByClass(index, className) for index in range(count)]
