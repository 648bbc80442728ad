"""Adds results to the scene as one step that either happens wholly or not at all."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import slicer
import vtk

__all__ = ["SceneChange"]


class SceneChange:
    """Context: one undo step, no rendering in between, and the nodes added so far removed if something fails.

    Example:
        >>> with SceneChange(slicer.mrmlScene):
        ...     segmentation = importSegmentation(...)
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._added: list[Any] = []
        self._observation: int | None = None

    def __enter__(self) -> SceneChange:
        self._scene.SaveStateForUndo()
        self._observation = self._scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._onNodeAdded)
        # Not the scene's batch state: views that were told of no node in it show the new segmentation only when
        # something else makes them draw anew.
        slicer.app.pauseRender()
        return self

    def __exit__(
        self, errorType: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if errorType is not None:
                for node in reversed(self._added):
                    if self._scene.IsNodePresent(node):
                        self._scene.RemoveNode(node)
        finally:
            self._scene.RemoveObserver(self._observation)
            slicer.app.resumeRender()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller: Any, event: str, node: Any) -> None:
        # The subject hierarchy belongs to the scene, not to our result, even when our result is its first item.
        if not node.IsA("vtkMRMLSubjectHierarchyNode"):
            self._added.append(node)
