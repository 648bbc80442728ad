"""A result in the scene: what was found, the markups that show it, and which of it is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from SlicerMambaMedLib.RunRecordNode import readRecord
from SlicerMambaMedLib.RunRecordNode import resultNodes
from SlicerMambaMedLib.Text import tr as _

from OrientedDetectionLib.Detection import Detection
from OrientedDetectionLib.Detection import FoundItem
from OrientedDetectionLib.DetectionResultImport import DETECTIONS_ATTRIBUTE
from OrientedDetectionLib.DetectionResultImport import MOST_MARKUPS
from OrientedDetectionLib.MarkupsOfDetection import numberOfMarkup

__all__ = ["DetectionResult"]


class DetectionResult:
    """Found through the run record; an object whose markup was deleted from the scene counts no more.

    Args:
        recordNode: run record of a detection.

    Raises:
        ValueError: the node holds no run record, or what was found is gone.
    """

    def __init__(self, recordNode: Any) -> None:
        self.recordNode = recordNode
        record = readRecord(recordNode)
        self.warnings = [str(text) for text in record.get("warnings", [])]
        model = record.get("model", {})
        if model.get("demonstration_only"):
            text = _("Found by a demonstration model ({title}). Not for clinical use.")
            self.warnings.insert(0, text.format(title=model.get("title", "")))
        nodes = resultNodes(recordNode)
        texts = [node for node in nodes if node.IsA("vtkMRMLTextNode") and node.GetAttribute(DETECTIONS_ATTRIBUTE)]
        self.detection = Detection.fromJson(texts[0].GetText() if texts else "{}")
        self.table = next((node for node in nodes if node.IsA("vtkMRMLTableNode")), None)
        self.markups = {numberOfMarkup(node): node for node in nodes if node.IsA("vtkMRMLMarkupsNode")}
        shown = self.detection.items[:MOST_MARKUPS]
        kept = [item for item in shown if item.number in self.markups]
        self.items: tuple[FoundItem, ...] = (*kept, *self.detection.items[MOST_MARKUPS:])

    def chosen(self, leastScore: float, labels: Sequence[str] = ()) -> list[FoundItem]:
        """Return the items of at least this score and of these labels (all if none is given)."""
        return [item for item in self.items if item.score >= leastScore and (not labels or item.label in labels)]

    def show(self, leastScore: float, labels: Sequence[str] = ()) -> list[FoundItem]:
        """Show the markups of the chosen items, hide the others, and return the chosen items."""
        chosen = self.chosen(leastScore, labels)
        numbers = {item.number for item in chosen}
        for number, node in self.markups.items():
            display = node.GetDisplayNode()
            if display is not None and bool(display.GetVisibility()) != (number in numbers):
                display.SetVisibility(number in numbers)
        return chosen
