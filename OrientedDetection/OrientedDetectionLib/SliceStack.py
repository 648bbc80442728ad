"""How a volume is cut into slices, and which of them a slice view shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from SlicerMambaMedLib.Text import tr as _
from SlicerMambaMedLib.VolumeGeometry import VolumeGeometry

__all__ = ["PLANES", "SliceStack", "sliceOfView", "stackOf"]

PLANES = ("sagittal", "coronal", "axial")
"""By the world axis (R, A, S) that is across the slices."""
LARGEST_TILT_DEG = 5.0


@dataclass(frozen=True)
class SliceStack:
    """Slices of a volume along one stored axis.

    Attributes:
        plane: ``axial``, ``coronal``, ``sagittal`` or ``stored``.
        axis: the stored axis (0 is i) that numbers the slices.
        count: number of slices.
    """

    plane: str
    axis: int
    count: int


def stackOf(geometry: VolumeGeometry, sliceAxis: str) -> SliceStack:
    """Return how the engine cuts a volume; one with a single slice along an axis is cut along that axis.

    Args:
        geometry: the volume's grid in the world.
        sliceAxis: ``axial``, ``coronal``, ``sagittal``, or ``stored`` for the last stored axis.
    """
    planes = _planesOfAxes(geometry)
    single = [axis for axis in range(3) if geometry.size[axis] == 1]
    if len(single) == 1:
        axis = single[0]
    elif sliceAxis == "stored":
        axis = 2
    else:
        axis = planes.index(sliceAxis)
    plane = sliceAxis if sliceAxis == "stored" else planes[axis]
    return SliceStack(plane, axis, geometry.size[axis])


def sliceOfView(geometry: VolumeGeometry, sliceNode: Any) -> tuple[str, int]:
    """Return the plane and the number of the slice of a volume that a slice view shows.

    Raises:
        ValueError: the view is oblique to the volume's slices, or shows none of them.
    """
    matrix = np.array([[sliceNode.GetSliceToRAS().GetElement(row, column) for column in range(4)] for row in range(4)])
    normal = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    inverse = np.linalg.inv(geometry.matrix)
    # Rows of the inverse are the normals of the grid's slices; for a sheared grid they differ from its axes.
    normals = inverse[:3, :3] / np.linalg.norm(inverse[:3, :3], axis=1, keepdims=True)
    cosines = np.abs(normals @ normal)
    axis = int(np.argmax(cosines))
    tiltDeg = float(np.degrees(np.arccos(min(1.0, cosines[axis]))))
    name = sliceNode.GetName()
    if tiltDeg > LARGEST_TILT_DEG:
        text = _(
            "The {view} view is turned by {angle} degrees against the volume's slices. Rotate it to the volume plane, "
            "or choose slices by number."
        )
        raise ValueError(text.format(view=name, angle=f"{tiltDeg:.0f}"))
    number = round(float((inverse @ np.append(matrix[:3, 3], 1.0))[axis]))
    if not 0 <= number < geometry.size[axis]:
        raise ValueError(_("The {view} view shows no slice of the volume. Scroll to one first.").format(view=name))
    return _planesOfAxes(geometry)[axis], number


def _planesOfAxes(geometry: VolumeGeometry) -> list[str]:
    """Return of each stored axis the plane that is across it; each plane once, the clearest axis first."""
    directions = np.abs(geometry.matrix[:3, :3] / np.asarray(geometry.spacingMm))
    planes = [""] * 3
    for _step in range(3):
        world, axis = np.unravel_index(int(np.argmax(directions)), (3, 3))
        planes[int(axis)] = PLANES[int(world)]
        directions[world, :] = -1.0
        directions[:, axis] = -1.0
    return planes
