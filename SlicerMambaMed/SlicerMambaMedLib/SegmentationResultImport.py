"""The files of a finished segmentation job to nodes of the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from SlicerMambaMedLib.ColorMaps import showAsHeatMap
from SlicerMambaMedLib.ResultImport import ResultImport
from SlicerMambaMedLib.RunRecordNode import createRecordNode
from SlicerMambaMedLib.SegmentationImport import fillSegmentationNode
from SlicerMambaMedLib.SegmentationImport import readSegments
from SlicerMambaMedLib.SegmentationNodes import SegmentationNodes
from SlicerMambaMedLib.SegmentationRequest import SegmentationRequest
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeOnGrid
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["SegmentationResultImport"]


class SegmentationResultImport(ResultImport):
    """Adds segmentation, heat maps, table and run record.

    Args:
        request: what was asked.
        grid: the input's grid in the world, on which every result must lie.
        scene: where the nodes go.
        baseName: beginning of the nodes' names; the input's name if not given.
    """

    def __init__(self, request: SegmentationRequest, grid: VolumeGeometry, scene: Any, baseName: str = "") -> None:
        super().__init__(scene, request.inputs[0], {"name": baseName or request.inputs[0].GetName()})
        self._request = request
        self._grid = grid

    def __call__(self, directory: Any, job: Any) -> SegmentationNodes:
        """Read the outputs of a ``JobDirectory`` that is done and return the new nodes."""
        record = self._readRecord(directory, job, ["segmentation"], _("The engine wrote no segmentation."))
        outputs = directory.outputs
        kept = record.get("settings", {}).get("labels")
        labels = [label for label in record.get("labels", []) if not kept or label["name"] in kept]
        segments = readSegments(outputs["segmentation"], self._grid, labels)
        maps = self._readMaps(outputs, labels)

        segmentation = self._outputNode()
        fillSegmentationNode(segmentation, segments, self._beside)
        self._place(segmentation)
        if self._request.show3D:
            segmentation.CreateClosedSurfaceRepresentation()
        mapNodes = {key: self._addMap(node, name) for key, (name, node) in maps.items()}
        table = self._addTable(_("{name} volumes"), outputs.get("volumes"))
        results = [segmentation, table, *mapNodes.values()]
        recordNode = createRecordNode(
            self._scene,
            self._freeName(_("{name} run record")),
            record,
            [node for node in self._request.inputs if node is not None],
            self._request.region,
            results,
        )
        self._place(recordNode)
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

    def _readMaps(self, outputs: dict[str, Path], labels: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
        """Read probability and uncertainty files into nodes that are not in the scene yet."""
        maps: dict[tuple[str, str], Any] = {}
        if "uncertainty" in outputs:
            node = readVolumeOnGrid(outputs["uncertainty"], slicer.vtkMRMLScalarVolumeNode(), self._grid)
            maps[("uncertainty", "")] = (self._freeName(_("{name} uncertainty")), node)
        for key, path in outputs.items():
            if key.startswith("probability:"):
                label = key.partition(":")[2]
                node = readVolumeOnGrid(path, slicer.vtkMRMLScalarVolumeNode(), self._grid)
                name = self._freeName(_("{name} probability of {label}"), label=label)
                maps[("probability", label)] = (name, node)
        return maps

    def _addMap(self, node: Any, name: str) -> Any:
        node.SetName(name)
        node = self._scene.AddNode(node)
        showAsHeatMap(node, threshold=0.05)
        return self._place(node)
