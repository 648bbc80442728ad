"""Distances of pairs of landmarks before and after a registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from DISARegistrationLib.Placement import resultTransformOver
from DISARegistrationLib.VolumeExport import landmarkPositions

__all__ = ["LandmarkError", "landmarkErrors"]


@dataclass(frozen=True)
class LandmarkError:
    """One pair.

    Attributes:
        name: the fixed point's label.
        beforeMm: distance of the two points where they lie without the transform.
        afterMm: distance of the transformed fixed point from its partner, or None without a transform.
    """

    name: str
    beforeMm: float
    afterMm: float | None


def landmarkErrors(fixed: Any, moving: Any, transform: Any | None) -> list[LandmarkError]:
    """Return the errors of all pairs as they are now; the distances are in the moving volume's space.

    Args:
        fixed: markups node in the fixed volume's space, or None.
        moving: markups node in the moving volume's space (or under a result's transform), or None.
        transform: the result's transform node; its way from the parent takes fixed points to moving ones.
    """
    if fixed is None or moving is None:
        return []
    fixedPoints = landmarkPositions(fixed)
    movingPoints = landmarkPositions(moving, resultTransformOver(moving))
    names = [
        fixed.GetNthControlPointLabel(index)
        for index in range(fixed.GetNumberOfControlPoints())
        if fixed.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined
    ]
    fromParent = transform.GetTransformFromParent() if transform is not None else None
    errors = []
    for name, fixedPoint, movingPoint in zip(names, fixedPoints, movingPoints, strict=False):
        after = None
        if fromParent is not None:
            after = float(np.linalg.norm(np.array(fromParent.TransformPoint(fixedPoint)) - movingPoint))
        errors.append(LandmarkError(name, float(np.linalg.norm(fixedPoint - movingPoint)), after))
    return errors
