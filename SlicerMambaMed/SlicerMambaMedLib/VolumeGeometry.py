"""The grid of a volume in space, kept exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from SlicerMambaMedLib.Text import tr as _

__all__ = ["VolumeGeometry"]

_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class VolumeGeometry:
    """Size and placement of a voxel grid.

    Attributes:
        size: number of voxels along i, j, k.
        ijkToRas: 4 rows of 4 numbers: voxel index (i, j, k, 1) to RAS millimetres (Slicer's world).
    """

    size: tuple[int, int, int]
    ijkToRas: tuple[tuple[float, ...], ...]

    @classmethod
    def fromMatrix(cls, size: Any, ijkToRas: Any) -> VolumeGeometry:
        """Make a geometry from a size (i, j, k) and a 4x4 array."""
        matrix = np.asarray(ijkToRas, dtype=float)
        return cls(
            size=(int(size[0]), int(size[1]), int(size[2])),
            ijkToRas=tuple(tuple(float(value) for value in row) for row in matrix),
        )

    @classmethod
    def ofVolumeNode(cls, node: Any, inWorld: bool = True) -> VolumeGeometry:
        """Return the geometry of a vtkMRMLVolumeNode.

        Args:
            node: the volume.
            inWorld: whether linear parent transforms are applied (as hardening the volume would do).

        Raises:
            ValueError: the volume has no image, or a parent transform is not linear and ``inWorld`` is set.
        """
        import vtk

        image = node.GetImageData()
        if image is None:
            text = _('The volume "{name}" holds no image. Choose another one, or load its image.')
            raise ValueError(text.format(name=node.GetName()))
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        transform = node.GetParentTransformNode() if inWorld else None
        if transform is not None:
            if not transform.IsTransformToWorldLinear():
                text = _('The volume "{name}" is under a transform that is not linear.')
                raise ValueError(text.format(name=node.GetName()))
            toWorld = vtk.vtkMatrix4x4()
            transform.GetMatrixTransformToWorld(toWorld)
            vtk.vtkMatrix4x4.Multiply4x4(toWorld, matrix, matrix)
        values = [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
        return cls.fromMatrix(image.GetDimensions(), values)

    @property
    def matrix(self) -> np.ndarray:
        """The 4x4 matrix from voxel index to RAS millimetres."""
        return np.array(self.ijkToRas)

    @property
    def ijkToLps(self) -> np.ndarray:
        """The 4x4 matrix from voxel index to LPS millimetres (ITK, DICOM, files)."""
        return _RAS_FROM_LPS @ self.matrix

    @property
    def spacingMm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxel centres along i, j, k."""
        lengths = np.linalg.norm(self.matrix[:3, :3], axis=0)
        return (float(lengths[0]), float(lengths[1]), float(lengths[2]))

    @property
    def isSheared(self) -> bool:
        """Whether the axes of the grid are not at right angles (gantry tilt, an affine transform with shear)."""
        directions = self.matrix[:3, :3] / np.asarray(self.spacingMm)
        return bool(np.abs(directions.T @ directions - np.eye(3)).max() > 1e-3)

    def asVtkMatrix(self) -> Any:
        """Return the IJK-to-RAS matrix as a vtkMatrix4x4."""
        import vtk

        result = vtk.vtkMatrix4x4()
        for row in range(4):
            for column in range(4):
                result.SetElement(row, column, self.ijkToRas[row][column])
        return result

    def isSameGrid(self, other: VolumeGeometry) -> bool:
        """Whether both have the same size and no voxel lies further apart than a hundredth of a voxel.

        Files such as NIfTI keep single precision numbers, so equality to the last digit cannot be asked for.
        """
        if self.size != other.size:
            return False
        corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
        corners[:, :3] *= np.array(self.size) - 1
        distance = np.linalg.norm((corners @ (self.matrix - other.matrix).T)[:, :3], axis=1).max()
        return bool(distance <= 0.01 * min(self.spacingMm))

    def flipped(self, axes: tuple[int, ...]) -> VolumeGeometry:
        """Return the grid of the same voxels stored in reverse order along some axes (0 is i)."""
        matrix = self.matrix
        for axis in axes:
            matrix[:, 3] += (self.size[axis] - 1) * matrix[:, axis]
            matrix[:, axis] *= -1
        return VolumeGeometry.fromMatrix(self.size, matrix)

    def toJson(self) -> dict[str, Any]:
        """Return the geometry as a JSON object."""
        return {"size": list(self.size), "ijk_to_ras": [list(row) for row in self.ijkToRas]}

    @classmethod
    def fromJson(cls, content: dict[str, Any]) -> VolumeGeometry:
        """Return the geometry that ``toJson`` wrote."""
        return cls.fromMatrix(content["size"], content["ijk_to_ras"])
