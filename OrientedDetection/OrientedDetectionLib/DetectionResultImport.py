"""The files of a finished detection job to nodes of the scene."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.ResultImport import ResultImport
from SlicerMambaMedLib.RunRecordNode import createRecordNode
from SlicerMambaMedLib.SubjectHierarchy import folderBeside
from SlicerMambaMedLib.SubjectHierarchy import placeIn
from SlicerMambaMedLib.SubjectHierarchy import removeFolder
from SlicerMambaMedLib.Text import tr as _

from OrientedDetectionLib.Detection import Detection
from OrientedDetectionLib.DetectionNodes import DetectionNodes
from OrientedDetectionLib.DetectionRequest import DetectionRequest
from OrientedDetectionLib.MarkupsOfDetection import addMarkup

__all__ = ["DETECTIONS_ATTRIBUTE", "MOST_MARKUPS", "DetectionResultImport"]

DETECTIONS_ATTRIBUTE = "MambaMed.Detections"
MOST_MARKUPS = 300
"""More markups would make the application slow; the table holds everything."""


class DetectionResultImport(ResultImport):
    """Adds a markup for each object in a folder beside the input, a table, everything as JSON, and the run record.

    Args:
        request: what was asked.
        scene: where the nodes go.
        baseName: beginning of the nodes' names; the input's name if not given.
    """

    def __init__(self, request: DetectionRequest, scene: Any, baseName: str = "") -> None:
        super().__init__(scene, request.volume, {"name": baseName or request.volume.GetName()})
        self._request = request

    def __call__(self, directory: Any, job: Any) -> DetectionNodes:
        """Read the outputs of a ``JobDirectory`` that is done and return the new nodes."""
        record = self._readRecord(directory, job, ["detections", "table"], _("The engine wrote no detections."))
        outputs = directory.outputs
        text = outputs["detections"].read_text(encoding="utf-8")
        detection = Detection.fromJson(text)
        if len(detection.items) > MOST_MARKUPS:
            warning = _("{count} objects were found; the {most} most certain ones are shown. The table holds all.")
            record.setdefault("warnings", []).append(warning.format(count=len(detection.items), most=MOST_MARKUPS))
        folder = folderBeside(self._scene, self._freeName(_("{name} objects")), self._beside)
        try:
            return self._add(record, detection, text, outputs.get("objects_table", outputs["table"]), folder)
        except BaseException:
            removeFolder(self._scene, folder)  # the nodes are removed by whoever made this one step
            raise

    def _add(
        self, record: dict[str, Any], detection: Detection, text: str, tablePath: Any, folder: int
    ) -> DetectionNodes:
        markups = []
        for item in detection.items[:MOST_MARKUPS]:
            color = detection.colors.get(item.label, (1.0, 1.0, 0.0))
            markups.append(addMarkup(self._scene, item, self._request.shape, color))
            placeIn(markups[-1], folder)
        detections = self._scene.CreateNodeByClass("vtkMRMLTextNode")
        detections.UnRegister(None)
        detections.SetName(self._freeName(_("{name} detections")))
        detections.SetText(text)
        detections.SetAttribute(DETECTIONS_ATTRIBUTE, self._request.shape)
        detections = self._place(self._scene.AddNode(detections))
        table = self._addTable(_("{name} table of objects"), tablePath)
        inputs = [node for node in (self._request.volume,) if node is not None]
        results = [detections, table, *markups]
        name = self._freeName(_("{name} detection record"))
        recordNode = createRecordNode(self._scene, name, record, inputs, self._request.region, results)
        self._place(recordNode)
        return DetectionNodes(recordNode, detections, table, tuple(markups), tuple(record.get("warnings", [])))
