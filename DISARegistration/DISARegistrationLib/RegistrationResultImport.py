"""The files of a finished registration job to nodes of the scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
from SlicerMambaMedLib.ColorMaps import showAsHeatMap
from SlicerMambaMedLib.ResultImport import ResultImport
from SlicerMambaMedLib.RunRecordNode import createRecordNode
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeOnGrid
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from DISARegistrationLib.JacobianColors import showAsJacobian
from DISARegistrationLib.MovedNodes import Placed
from DISARegistrationLib.MovedNodes import moveUnder
from DISARegistrationLib.Placement import OUTPUT_ATTRIBUTE
from DISARegistrationLib.Placement import RESULT_ATTRIBUTE
from DISARegistrationLib.RegistrationNodes import RegistrationNodes
from DISARegistrationLib.RegistrationRequest import RegistrationRequest
from DISARegistrationLib.TransformFile import readTransformFile

__all__ = ["PREVIEW", "RegistrationResultImport", "previewTransforms"]

PREVIEW = "preview"
_VOLUMES = ("warped", "jacobian", "similarity-map")


class RegistrationResultImport(ResultImport):
    """Adds transforms, volumes and run record.

    The moving volume is put under its transform last, when nothing can fail any more.

    Args:
        request: what was asked.
        grid: the fixed volume's grid in the world, on which the resulting volumes lie.
        placed: the moving volume and its landmarks, with the places that they had when the job was started.
        scene: where the nodes go.
    """

    def __init__(
        self, request: RegistrationRequest, grid: VolumeGeometry, placed: Sequence[Placed], scene: Any
    ) -> None:
        names = {"fixed": request.fixed.GetName(), "moving": request.moving.GetName()}
        super().__init__(scene, request.moving, names)
        self._request = request
        self._grid = grid
        self._placed = list(placed)

    def __call__(self, directory: Any, job: Any) -> RegistrationNodes:
        """Read the outputs of a ``JobDirectory`` that is done and return the new nodes."""
        record = self._readRecord(directory, job, ["transform", "inverse"], _("The engine wrote no transform."))
        outputs = directory.outputs
        if self._request.isPreview:
            return self._importPreview(outputs, record)
        transform = readTransformFile(outputs["transform"], self._freeName(_("{moving} to {fixed}")))
        inverse = readTransformFile(outputs["inverse"], self._freeName(_("{fixed} to {moving}")))
        volumes = self._readVolumes(outputs)

        transform = self._addTransform(transform, "result")
        inverse = self._addTransform(inverse, "inverse")
        for key, node in volumes.items():
            volumes[key] = self._addVolume(key, node)
        inputs = self._request.inputNodes
        recordNode = createRecordNode(
            self._scene,
            self._freeName(_("{moving} to {fixed} run record")),
            record,
            [inputs[item["name"]] for item in record.get("inputs", []) if item.get("name") in inputs],
            self._request.region,
            [transform, inverse, *volumes.values()],
        )
        self._place(recordNode)
        moveUnder(recordNode, transform, self._placed)
        return RegistrationNodes(
            transform=transform,
            inverse=inverse,
            record=recordNode,
            warped=volumes.get("warped"),
            jacobian=volumes.get("jacobian"),
            similarityMap=volumes.get("similarity-map"),
            warnings=tuple(record.get("warnings", [])),
        )

    def _importPreview(self, outputs: dict[str, Path], record: dict[str, Any]) -> RegistrationNodes:
        """Put the moving volume under a transform that is not listed, not saved and easily taken back."""
        transform = readTransformFile(outputs["transform"], _("Registration preview"))
        transform.SetSaveWithScene(False)
        transform.HideFromEditorsOn()
        transform.SetAttribute(RESULT_ATTRIBUTE, PREVIEW)
        transform = self._scene.AddNode(transform)
        moveUnder(transform, transform, self._placed)
        return RegistrationNodes(transform, None, None, warnings=tuple(record.get("warnings", [])))

    def _readVolumes(self, outputs: dict[str, Path]) -> dict[str, Any]:
        """Read the files on the fixed volume's grid into nodes that are not in the scene yet."""
        names = {
            "warped": _("{moving} on {fixed}"),
            "jacobian": _("{moving} to {fixed} Jacobian"),
            "similarity-map": _("{moving} to {fixed} similarity"),
        }
        volumes = {}
        for key in _VOLUMES:
            if key in outputs:
                node = readVolumeOnGrid(outputs[key], slicer.vtkMRMLScalarVolumeNode(), self._grid)
                node.SetName(self._freeName(names[key]))
                volumes[key] = node
        return volumes

    def _addTransform(self, node: Any, kind: str) -> Any:
        node.SetAttribute(RESULT_ATTRIBUTE, kind)
        return self._place(self._scene.AddNode(node))

    def _addVolume(self, key: str, node: Any) -> Any:
        node.SetAttribute(OUTPUT_ATTRIBUTE, key)
        node = self._scene.AddNode(node)
        if key == "jacobian":
            showAsJacobian(node)
        elif key == "similarity-map":
            low, high = node.GetImageData().GetScalarRange()
            showAsHeatMap(node, threshold=low, minimum=low, maximum=high if high > low else low + 1.0)
        else:
            node.CreateDefaultDisplayNodes()
            self._copyWindow(node)
        return self._place(node)

    def _copyWindow(self, warped: Any) -> None:
        """Show the resampled volume with the grey values and colours of the moving one."""
        shown = self._request.moving.GetDisplayNode()
        isGrey = self._request.moving.GetImageData().GetNumberOfScalarComponents() == 1
        if isGrey and shown is not None and shown.GetColorNodeID():
            display = warped.GetDisplayNode()
            display.SetAutoWindowLevel(False)
            display.SetWindowLevel(shown.GetWindow(), shown.GetLevel())
            display.SetAndObserveColorNodeID(shown.GetColorNodeID())


def previewTransforms(scene: Any) -> list[Any]:
    """Return the transforms of previews that are shown."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLTransformNode")
    nodes = [scene.GetNthNodeByClass(index, "vtkMRMLTransformNode") for index in range(count)]
    return [node for node in nodes if node.GetAttribute(RESULT_ATTRIBUTE) == PREVIEW]
