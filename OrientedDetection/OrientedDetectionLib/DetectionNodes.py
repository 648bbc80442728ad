"""The nodes that a detection added to the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["DetectionNodes"]


@dataclass(frozen=True)
class DetectionNodes:
    """What a finished detection has put into the scene.

    Attributes:
        record: vtkMRMLTextNode with the run record; refers to all the others.
        detections: vtkMRMLTextNode with everything that was found, as JSON.
        table: vtkMRMLTableNode, a row per object.
        markups: ROI or plane markups, the most certain first.
        warnings: what changes how the result must be read.
    """

    record: Any
    detections: Any
    table: Any
    markups: tuple[Any, ...] = ()
    warnings: tuple[str, ...] = ()
