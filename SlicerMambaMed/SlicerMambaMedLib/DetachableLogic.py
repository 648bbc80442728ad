"""Logics whose jobs may outlive Slicer: a later session finds them and brings their results into its scene."""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import Any

from SlicerMambaMedLib.SceneJob import SceneJob
from SlicerMambaMedLib.SceneLogic import SceneLogic
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["DetachableLogic"]

HOST_FILE = "slicer.json"


class DetachableLogic(SceneLogic):
    """As ``SceneLogic``; a job can also run in a process of its own that goes on when Slicer is closed."""

    # --- what a subclass says ---
    @abstractmethod
    def resultName(self, request: Any) -> str:
        """Return the beginning of the new nodes' names."""

    @abstractmethod
    def attachedRequest(self, volume: Any | None, host: dict[str, Any]) -> Any:
        """Return the request of a job that an earlier session started.

        Args:
            volume: the main input where it is in this scene, else None.
            host: what the earlier session noted: ``name``, ``show3D``, and what ``notes`` has added.
        """

    def notes(self, request: Any) -> dict[str, Any]:
        """Return what else a later session must know of the request, as JSON."""
        return {"show3D": request.show3D}

    # --- the same in all modules ---
    def start(self, request: Any, detached: bool = False) -> SceneJob:
        """Start a job and return at once.

        Args:
            request: what shall be done.
            detached: run in a process of its own that goes on when Slicer is closed; ``attachRunning`` of a later
                session finds it again. Otherwise in the warm engine, which ends with Slicer.

        Raises:
            ValueError: the request lacks something; the message says what.
        """
        runner = self.session.runner
        return self._launch(request, runner.startDetached if detached else runner.start, self._writeNotes)

    def attachRunning(self) -> list[SceneJob]:
        """Follow the jobs that an earlier session of Slicer left running; their results come here."""
        attached = []
        for folder in self.session.runner.unattachedFolders(self.TASK):
            try:
                host = json.loads((folder / HOST_FILE).read_text(encoding="utf-8"))
                grid = VolumeGeometry.fromJson(host["grid"])
                name = str(host["name"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            request = self.attachedRequest(self._findVolume(host, grid), host)
            importer = self.makeImport(request, grid, name)
            attached.append(self._follow(self.session.runner.attach(folder), request, importer))
        return attached

    def _writeNotes(self, folder: Path, request: Any, grid: VolumeGeometry) -> None:
        volume = self.inputNodes(request)[0]
        host = {
            "name": self.resultName(request),
            "nodeId": volume.GetID(),
            "nodeName": volume.GetName(),
            "grid": grid.toJson(),
            **self.notes(request),
        }
        (folder / HOST_FILE).write_text(json.dumps(host), encoding="utf-8")

    def _findVolume(self, host: dict[str, Any], grid: VolumeGeometry) -> Any | None:
        """Return the volume of this scene that a job of an earlier session was started for, if it is here."""
        node = self.scene.GetNodeByID(str(host.get("nodeId")))
        if node is None or node.GetName() != host.get("nodeName") or not node.IsA("vtkMRMLVolumeNode"):
            return None
        try:
            return node if VolumeGeometry.ofVolumeNode(node).isSameGrid(grid) else None
        except ValueError:
            return None
