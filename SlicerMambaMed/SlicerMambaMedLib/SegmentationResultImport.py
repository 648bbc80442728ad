"""The files of a finished segmentation job to nodes of the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.ColorMaps import showAsHeatMap
from SlicerMambaMedLib.RunRecordNode import createRecordNode
from SlicerMambaMedLib.SegmentationImport import fillSegmentationNode
from SlicerMambaMedLib.SegmentationImport import readSegments
from SlicerMambaMedLib.SegmentationNodes import SegmentationNodes
from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest
from SlicerMambaMedLib.SubjectHierarchy import placeBeside
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeOnGrid
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry
from SlicerMambaMedLib.VolumeTable import createTableNode

__all__ = ["SegmentationResultImport"]


class SegmentationResultImport:
    """Adds segmentation, heat maps, table and run record; given to ``SceneJob``, which makes it one undo step.

    Every file is read and checked before the first node is added.

    Args:
        request: what was asked.
        grid: the input's grid in the world, on which every result must lie.
        scene: where the nodes go.
        baseName: beginning of the nodes' names; the input's name if not given.
    """

    def __init__(self, request: SegmentationRequest, grid: VolumeGeometry, scene: Any, baseName: str = "") -> None:
        self._request = request
        self._grid = grid
        self._scene = scene
        self._baseName = baseName or request.inputs[0].GetName()

    def __call__(self, directory: Any, job: Any) -> SegmentationNodes:
        """Read the outputs of a ``JobDirectory`` that is done and return the new nodes."""
        record = directory.result()
        outputs = directory.outputs
        if record is None or "segmentation" not in outputs:
            raise ValueError(_("The engine wrote no segmentation."))
        for warning in job.warnings:
            if warning not in record.setdefault("warnings", []):
                record["warnings"].append(warning)
        kept = record.get("settings", {}).get("labels")
        labels = [label for label in record.get("labels", []) if not kept or label["name"] in kept]
        segments = readSegments(outputs["segmentation"], self._grid, labels)
        maps = self._readMaps(outputs, labels)

        reference = self._request.inputs[0]
        segmentation = self._outputNode()
        fillSegmentationNode(segmentation, segments, reference)
        placeBeside(segmentation, reference)
        if self._request.show3D:
            segmentation.CreateClosedSurfaceRepresentation()
        mapNodes = {key: self._addMap(node, name, reference) for key, (name, node) in maps.items()}
        table = None
        if "volumes" in outputs:
            table = createTableNode(self._scene, self._freeName(_("{name} volumes")), outputs["volumes"])
            placeBeside(table, reference)
        results = [segmentation, table, *mapNodes.values()]
        recordNode = createRecordNode(
            self._scene,
            self._freeName(_("{name} run record")),
            record,
            [node for node in self._request.inputs if node is not None],
            self._request.region,
            results,
        )
        placeBeside(recordNode, reference)
        return SegmentationNodes(
            segmentation=segmentation,
            table=table,
            record=recordNode,
            probabilities={key[1]: node for key, node in mapNodes.items() if key[0] == "probability"},
            uncertainty=mapNodes.get(("uncertainty", "")),
            warnings=tuple(record.get("warnings", [])),
        )

    def _outputNode(self) -> Any:
        node = self._request.output
        if node is not None and self._scene.IsNodePresent(node):
            return node
        return self._scene.AddNewNodeByClass("vtkMRMLSegmentationNode", self._freeName(_("{name} segmentation")))

    def _freeName(self, pattern: str) -> str:
        """Return a name for a new node that no node of the scene has."""
        return str(self._scene.GenerateUniqueName(pattern.format(name=self._baseName)))

    def _readMaps(self, outputs: dict[str, Path], labels: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
        """Read probability and uncertainty files into nodes that are not in the scene yet."""
        maps: dict[tuple[str, str], Any] = {}
        if "uncertainty" in outputs:
            node = readVolumeOnGrid(outputs["uncertainty"], slicer.vtkMRMLScalarVolumeNode(), self._grid)
            maps[("uncertainty", "")] = (_("{name} uncertainty").format(name=self._baseName), node)
        for key, path in outputs.items():
            if key.startswith("probability:"):
                label = key.partition(":")[2]
                node = readVolumeOnGrid(path, slicer.vtkMRMLScalarVolumeNode(), self._grid)
                maps[("probability", label)] = (
                    _("{name} probability of {label}").format(name=self._baseName, label=label),
                    node,
                )
        return maps

    def _addMap(self, node: Any, name: str, reference: Any) -> Any:
        node.SetName(self._scene.GenerateUniqueName(name))
        node = self._scene.AddNode(node)
        showAsHeatMap(node, threshold=0.05)
        placeBeside(node, reference)
        return node
