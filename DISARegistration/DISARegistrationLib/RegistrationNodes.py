"""The nodes that a registration added to the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["RegistrationNodes"]


@dataclass(frozen=True)
class RegistrationNodes:
    """What a finished registration has put into the scene.

    Attributes:
        transform: vtkMRMLTransformNode under which the moving volume now lies; brings it onto the fixed volume.
        inverse: vtkMRMLTransformNode that brings the fixed volume onto the moving one; nothing lies under it.
        record: vtkMRMLTextNode with the run record.
        warped: the moving volume resampled on the fixed volume's grid, or None.
        jacobian: scalar volume with the determinant of the transform's Jacobian, or None.
        similarityMap: scalar volume with the local similarity after registration, or None.
        warnings: what changes how the result must be read.
    """

    transform: Any
    inverse: Any
    record: Any
    warped: Any | None = None
    jacobian: Any | None = None
    similarityMap: Any | None = None
    warnings: tuple[str, ...] = ()
