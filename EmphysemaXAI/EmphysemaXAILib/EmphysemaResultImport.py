"""The files of a finished emphysema job to nodes of the scene."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from SlicerMambaMedLib.ColorMaps import showAsHeatMap
from SlicerMambaMedLib.ResultImport import ResultImport
from SlicerMambaMedLib.RunRecordNode import createRecordNode
from SlicerMambaMedLib.SegmentationImport import fillSegmentationNode
from SlicerMambaMedLib.SegmentationImport import readSegments
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeFile import readVolumeOnGrid
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

from EmphysemaXAILib.EmphysemaNodes import EmphysemaNodes
from EmphysemaXAILib.EmphysemaRequest import EmphysemaRequest
from EmphysemaXAILib.HistogramPlot import addHistogram
from EmphysemaXAILib.InputReferences import referToInputs
from EmphysemaXAILib.ResultNodes import MAP_PREFIX
from EmphysemaXAILib.ResultNodes import setRole

__all__ = ["MAP_MAXIMUM_ATTRIBUTE", "EmphysemaResultImport"]

MAP_MAXIMUM_ATTRIBUTE = "MambaMed.MapMaximum"
_MAP_QUANTILE = 0.999  # the brightest colour; single outliers would leave the rest dark
_MAP_THRESHOLD = 0.3
_LABEL_MAPS = ("regions", "lobes", "airways", "low_attenuation", "patterns")


class EmphysemaResultImport(ResultImport):
    """Adds segmentations, heat maps, tables, chart and run record.

    Args:
        request: what was asked.
        grid: the CT's grid in the world, on which every result must lie.
        scene: where the nodes go.
        baseName: beginning of the nodes' names; the CT's name if not given.
    """

    def __init__(self, request: EmphysemaRequest, grid: VolumeGeometry, scene: Any, baseName: str = "") -> None:
        super().__init__(scene, request.ct, {"name": baseName or request.name or request.ct.GetName()})
        self._request = request
        self._grid = grid

    def __call__(self, directory: Any, job: Any) -> EmphysemaNodes:
        """Read the outputs of a ``JobDirectory`` that is done and return the new nodes."""
        record = self._readRecord(directory, job, ["regions", "measures"], _("The engine wrote no measures."))
        outputs = directory.outputs
        segments = self._readLabelMaps(outputs, record.get("labels", {}))
        maps = self._readMaps(outputs)
        histograms = self._readHistograms(outputs)

        segmentations = {key: self._addSegmentation(key, content) for key, content in segments.items()}
        mapNodes = {method: self._addMap(method, node) for method, node in maps.items()}
        measures = self._addMeasures("measures", _("{name} density"), outputs)
        change = self._addMeasures("change", _("{name} change"), outputs)
        histogram = chart = None
        series: list[Any] = []
        if histograms:
            name = self._freeName(_("{name} histogram"))
            histogram, chart, series = addHistogram(self._scene, name, *histograms)
            setRole(histogram, "histogram")
            setRole(chart, "chart")
            self._place(histogram)
        found = [measures, change, histogram, chart, *series, *segmentations.values(), *mapNodes.values()]
        inputs = [node for node in (self._request.ct,) if node is not None]
        name = self._freeName(_("{name} emphysema"))
        recordNode = createRecordNode(self._scene, name, record, inputs, None, found)
        referToInputs(recordNode, self._request)
        self._place(recordNode)
        if self._request.show3D:
            segmentations["regions"].CreateClosedSurfaceRepresentation()
        return EmphysemaNodes(
            record=recordNode,
            measures=measures,
            histogram=histogram,
            chart=chart,
            regions=segmentations["regions"],
            segmentations=segmentations,
            maps=mapNodes,
            change=change,
            warnings=tuple(record.get("warnings", [])),
        )

    # --- reading, with the scene untouched ---
    def _readLabelMaps(self, outputs: dict[str, Path], labels: dict[str, Any]) -> dict[str, Any]:
        return {
            key: readSegments(outputs[key], self._grid, labels.get(key, [])) for key in _LABEL_MAPS if key in outputs
        }

    def _readMaps(self, outputs: dict[str, Path]) -> dict[str, Any]:
        return {
            key[len(MAP_PREFIX) :]: readVolumeOnGrid(path, slicer.vtkMRMLScalarVolumeNode(), self._grid)
            for key, path in outputs.items()
            if key.startswith(MAP_PREFIX)
        }

    @staticmethod
    def _readHistograms(outputs: dict[str, Path]) -> tuple[list[float], dict[str, list[float]]] | None:
        if "measures_json" not in outputs:
            return None
        content = json.loads(outputs["measures_json"].read_text(encoding="utf-8")).get("histogram")
        return (content["edges_hu"], content["voxels"]) if content else None

    # --- adding ---
    def _addSegmentation(self, key: str, content: Any) -> Any:
        patterns = {
            "regions": _("{name} lung regions"),
            "lobes": _("{name} lobes"),
            "airways": _("{name} airways"),
            "low_attenuation": _("{name} low attenuation"),
            "patterns": _("{name} local patterns"),
        }
        node = self._scene.AddNewNodeByClass("vtkMRMLSegmentationNode", self._freeName(patterns[key]))
        fillSegmentationNode(node, content, self._request.ct)
        # The panel shows one overlay at a time.
        node.SetDisplayVisibility(False)
        self._place(node)
        return setRole(node, key)

    def _addMap(self, method: str, node: Any) -> Any:
        from mambamed.emphysema.report.measure_text import method_title

        node.SetName(self._freeName("{name} {method}", method=method_title(method)))
        node = self._scene.AddNode(node)
        values = slicer.util.arrayFromVolume(node)
        positive = values[values > 0]
        maximum = float(np.quantile(positive, _MAP_QUANTILE)) if positive.size else 1.0
        node.SetAttribute(MAP_MAXIMUM_ATTRIBUTE, repr(maximum))
        showAsHeatMap(node, threshold=_MAP_THRESHOLD * maximum, maximum=maximum)
        self._place(node)
        return setRole(node, MAP_PREFIX + method)

    def _addMeasures(self, key: str, pattern: str, outputs: dict[str, Path]) -> Any | None:
        from mambamed.emphysema.report.measure_text import measure_title

        node = self._addTable(pattern, outputs.get(key))
        if node is None:
            return None
        for index in range(node.GetNumberOfColumns()):
            name = node.GetColumnName(index)
            node.SetColumnTitle(name, measure_title(name))
        return setRole(node, key)
