"""Notices when the scene or an input of a running job goes away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk

from SlicerMambaMedLib.Signal import Signal
from SlicerMambaMedLib.Text import tr as _

__all__ = ["InputGuard"]


class InputGuard:
    """Emits ``lost(reason)`` once when the scene starts to close or one of the watched nodes is removed from it.

    After that, and after ``release``, nothing is watched any more.
    """

    def __init__(self, scene: Any, nodes: Sequence[Any]) -> None:
        self.lost = Signal("reason")
        self._scene = scene
        self._nodes = [node for node in nodes if node is not None]
        self._observations = [
            scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._onClose),
            scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved),
        ]

    def release(self) -> None:
        """Stop watching."""
        for observation in self._observations:
            self._scene.RemoveObserver(observation)
        self._observations = []
        self._nodes = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller: Any, event: str, node: Any) -> None:
        if any(node is watched for watched in self._nodes):
            self._lose(_('its input "{name}" was deleted').format(name=node.GetName()))

    def _onClose(self, caller: Any, event: str) -> None:
        self._lose(_("the scene was closed"))

    def _lose(self, reason: str) -> None:
        self.release()
        self.lost.emit(reason)
