"""The nodes that a segmentation added to the scene."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import Any

__all__ = ["SegmentationNodes"]


@dataclass(frozen=True)
class SegmentationNodes:
    """What a finished segmentation has put into the scene.

    Attributes:
        segmentation: vtkMRMLSegmentationNode.
        table: vtkMRMLTableNode with the volume of each label.
        record: vtkMRMLTextNode with the run record.
        probabilities: one scalar volume per label that was asked for, by label name.
        uncertainty: scalar volume, or None.
        warnings: what changes how the result must be read.
    """

    segmentation: Any
    table: Any | None
    record: Any
    probabilities: dict[str, Any] = field(default_factory=dict)
    uncertainty: Any | None = None
    warnings: tuple[str, ...] = ()
