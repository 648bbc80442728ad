"""Motions within one plane: the rigid and affine transforms of 2D sections that are kept as one-slice volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mambamed.registration.geometry import GridGeometry
from mambamed.registration.transforms import RigidModel

__all__ = ["PlanarModel", "is_planar", "plane_axes", "plane_frame"]


def is_planar(geometry: GridGeometry) -> bool:
    """Whether the grid is one slice: exactly one axis has one sample."""
    return sum(count == 1 for count in geometry.size) == 1


def plane_axes(geometry: GridGeometry) -> np.ndarray:
    """Unit vectors (rows) of a one-slice grid: two within the slice, in the order of its indices, then the normal."""
    columns = np.reshape(geometry.direction, (3, 3)).T
    normal = [count == 1 for count in geometry.size].index(True)
    return np.stack([*(columns[axis] for axis in range(3) if axis != normal), columns[normal]])


def plane_frame(first: GridGeometry, second: GridGeometry) -> np.ndarray:
    """The 4 x 4 matrix that lays the plane of one slice onto that of another with the least change.

    Parallel planes are only shifted along their normal; otherwise the slices' own axes are brought together, and their
    centres.
    """
    axes, other = plane_axes(first), plane_axes(second)
    matrix = np.eye(4)
    if abs(float(axes[2] @ other[2])) > 1.0 - 1e-6:
        distance = float(other[2] @ (second.centre_mm() - first.centre_mm()))
        matrix[:3, 3] = distance * other[2]
        return matrix
    other = other * np.array([1.0, 1.0, np.sign(np.linalg.det(axes) * np.linalg.det(other))])[:, None]
    matrix[:3, :3] = other.T @ axes
    matrix[:3, 3] = second.centre_mm() - matrix[:3, :3] @ first.centre_mm()
    return matrix


@dataclass(frozen=True)
class PlanarModel(RigidModel):
    """Rotation about the normal and translation in the plane: 3 parameters; with ``stretches`` 3 more for strain.

    Attributes:
        axes: two unit vectors in the plane and the normal, row by row.
        stretches: whether the strain (uu, vv, uv) * radius follows.
    """

    axes: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    stretches: bool = False

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return 6 if self.stretches else 3

    def matrices(self, parameters: Tensor) -> Tensor:
        """(B, P) -> (B, 3, 4)."""
        frame = torch.tensor(self.axes, dtype=parameters.dtype).reshape(3, 3)
        angle = parameters[:, 2] / self.radius_mm
        cosine, sine = angle.cos(), angle.sin()
        inner = torch.stack((torch.stack((cosine, -sine), dim=1), torch.stack((sine, cosine), dim=1)), dim=1)
        if self.stretches:
            first, second, shear = (parameters[:, 3:6] / self.radius_mm).unbind(dim=1)
            rows = [torch.stack(row, dim=1) for row in ((first, shear), (shear, second))]
            inner = inner @ torch.linalg.matrix_exp(torch.stack(rows, dim=1))
        linear = frame[:2].T @ inner @ frame[:2] + frame[2:].T @ frame[2:]
        shift = parameters[:, :2] @ frame[:2]
        centre = torch.tensor(self.centre_mm, dtype=parameters.dtype)
        return torch.cat((linear, (shift + centre)[:, :, None]), dim=2)

    def parameters_of(self, rotation_vector_rad: Tensor, translation_mm: Tensor) -> Tensor:
        """The parts of (B, 3) rotation vectors and (B, 3) translations that stay in the plane -> (B, P)."""
        frame = torch.tensor(self.axes, dtype=torch.float64).reshape(3, 3)
        parameters = torch.zeros(len(translation_mm), self.parameter_count, dtype=torch.float64)
        parameters[:, :2] = translation_mm.double() @ frame[:2].T
        parameters[:, 2] = rotation_vector_rad.double() @ frame[2] * self.radius_mm
        # With a left-handed frame a positive angle in the plane turns the other way about the normal.
        parameters[:, 2] *= float(torch.sign(torch.linalg.det(frame)))
        return parameters
