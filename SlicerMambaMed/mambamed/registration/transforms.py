"""Parametrised transforms from fixed to moving physical space (LPS, mm), many at once.

Every transform here is linear in some basis of the fixed point p: T(p) = M(q) @ phi(p), with phi(p) = (p - centre,
1) for
rigid and affine, plus two more terms for pressure of an ultrasound probe. So an objective only needs the gradient with
respect to the small matrix M; the rest of the chain is done on 3 x K numbers per transform.

Parameters are in millimetres of typical displacement (rotations and strains are divided by ``radius_mm``), so that
one step length suits all of them. Zero parameters are the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.errors import BadRequestError

__all__ = [
    "AffineModel",
    "ProbePressureModel",
    "RigidModel",
    "TransformModel",
    "composed",
    "linear_matrix",
    "linear_transform",
    "rotation_matrix",
]


class TransformModel(Protocol):
    """A family of transforms with a fixed number of parameters."""

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""

    def basis(self, points_mm: Tensor) -> Tensor:
        """phi(p) for points (N, 3) in LPS mm -> (N, K), double precision."""

    def matrices(self, parameters: Tensor) -> Tensor:
        """M(q) for parameters (B, P) -> (B, 3, K), double precision, differentiable."""

    def parameters_of(self, rotation_vector_rad: Tensor, translation_mm: Tensor) -> Tensor:
        """Parameters (B, P) of rigid motions about the centre: rotation vectors and translations (B, 3)."""


@dataclass(frozen=True)
class RigidModel:
    """Rotation about ``centre_mm`` and translation: 6 parameters (translation, rotation vector * radius).

    Attributes:
        centre_mm: centre of rotation in fixed space, LPS mm.
        radius_mm: typical distance of points from the centre.
    """

    centre_mm: tuple[float, float, float]
    radius_mm: float

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return 6

    def basis(self, points_mm: Tensor) -> Tensor:
        """phi(p) = (p - centre, 1)."""
        centred = points_mm.double() - torch.tensor(self.centre_mm, dtype=torch.float64)
        return torch.cat((centred, torch.ones_like(centred[:, :1])), dim=1)

    def matrices(self, parameters: Tensor) -> Tensor:
        """(B, 6) -> (B, 3, 4)."""
        return self._columns(rotation_matrix(parameters[:, 3:6] / self.radius_mm), parameters)

    def parameters_of(self, rotation_vector_rad: Tensor, translation_mm: Tensor) -> Tensor:
        """(B, 3) and (B, 3) -> (B, P), no deformation."""
        parameters = torch.zeros(len(translation_mm), self.parameter_count, dtype=torch.float64)
        parameters[:, :3] = translation_mm
        parameters[:, 3:6] = rotation_vector_rad * self.radius_mm
        return parameters

    def _columns(self, matrix: Tensor, parameters: Tensor) -> Tensor:
        centre = torch.tensor(self.centre_mm, dtype=parameters.dtype)
        return torch.cat((matrix, (parameters[:, :3] + centre)[:, :, None]), dim=2)


@dataclass(frozen=True)
class AffineModel(RigidModel):
    """12 parameters: those of ``RigidModel``, then a symmetric strain (xx, yy, zz, xy, xz, yz) * radius.

    The linear part is R @ expm(strain), so it never mirrors or collapses.
    """

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return 12

    def matrices(self, parameters: Tensor) -> Tensor:
        """(B, 12) -> (B, 3, 4)."""
        xx, yy, zz, xy, xz, yz = (parameters[:, 6:12] / self.radius_mm).unbind(dim=1)
        rows = [torch.stack(row, dim=1) for row in ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))]
        stretch = torch.linalg.matrix_exp(torch.stack(rows, dim=1))
        return self._columns(rotation_matrix(parameters[:, 3:6] / self.radius_mm) @ stretch, parameters)


@dataclass(frozen=True)
class ProbePressureModel(RigidModel):
    """8 parameters: rigid, then two of the compression by an ultrasound probe (DISA, section 4.3, has two as well).

    Before the rigid motion, a point at relative depth s (0 at the probe, 1 at ``depth_mm``) moves along the beam by
    q1 (1 - s) + q2 (1 - s)^2, for s between 0 and 1.

    Attributes:
        probe_mm: position of the probe's face in fixed space, LPS mm.
        beam: unit vector into the body.
        depth_mm: depth at which the pressure is no longer felt.
    """

    probe_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    beam: tuple[float, float, float] = (0.0, 0.0, 1.0)
    depth_mm: float = 100.0

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return 8

    def basis(self, points_mm: Tensor) -> Tensor:
        """phi(p) = (p - centre, 1, 1 - s, (1 - s)^2)."""
        beam = torch.tensor(self.beam, dtype=torch.float64)
        depth = (points_mm.double() - torch.tensor(self.probe_mm, dtype=torch.float64)) @ beam
        height = 1.0 - (depth / self.depth_mm).clamp(0.0, 1.0)
        return torch.cat((super().basis(points_mm), torch.stack((height, height**2), dim=1)), dim=1)

    def matrices(self, parameters: Tensor) -> Tensor:
        """(B, 8) -> (B, 3, 6)."""
        rotation = rotation_matrix(parameters[:, 3:6] / self.radius_mm)
        beam = rotation @ torch.tensor(self.beam, dtype=parameters.dtype)
        pressure = beam[:, :, None] * parameters[:, None, 6:8]
        return torch.cat((self._columns(rotation, parameters), pressure), dim=2)


def rotation_matrix(vectors: Tensor) -> Tensor:
    """Rotation matrices (B, 3, 3) of rotation vectors (B, 3): axis times angle in radians (Rodrigues)."""
    squared = (vectors**2).sum(dim=1)[:, None, None]
    # Series near zero, where the closed form has 0 / 0 in value and gradient.
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    first = torch.where(small, 1.0 - squared / 6.0, angle.sin() / angle)
    second = torch.where(small, 0.5 - squared / 24.0, (1.0 - angle.cos()) / angle**2)
    x, y, z = vectors.unbind(dim=1)
    zero = torch.zeros_like(x)
    rows = [torch.stack(row, dim=1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    cross = torch.stack(rows, dim=1)
    return torch.eye(3, dtype=vectors.dtype) + first * cross + second * (cross @ cross)


def linear_transform(model: RigidModel, parameters: Tensor) -> sitk.AffineTransform:
    """The SimpleITK transform fixed -> moving (LPS, mm) of one set of rigid or affine parameters (P,)."""
    if isinstance(model, ProbePressureModel):
        raise TypeError("a transform with probe pressure is not linear")
    matrix = model.matrices(parameters.detach().double()[None])[0].numpy()
    transform = sitk.AffineTransform(3)
    transform.SetCenter(model.centre_mm)
    transform.SetMatrix(matrix[:, :3].ravel().tolist())
    transform.SetTranslation((matrix[:, 3] - np.asarray(model.centre_mm)).tolist())
    return transform


def linear_matrix(transform: sitk.Transform) -> np.ndarray:
    """The 4 x 4 matrix (LPS, mm) of a linear SimpleITK transform; ``BadRequestError`` for any other."""
    if not transform.IsLinear():
        raise BadRequestError("The initial transform is not linear; give a rigid or affine one.")
    matrix = np.eye(4)
    zero = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    for axis, unit in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit.tolist())) - zero
    matrix[:3, 3] = zero
    return matrix


def composed(outer: sitk.AffineTransform, inner: np.ndarray) -> sitk.AffineTransform:
    """``outer`` after the linear map ``inner``, about the centre that inner takes to outer's."""
    matrix = np.reshape(outer.GetMatrix(), (3, 3)) @ inner[:3, :3]
    zero = np.array(outer.TransformPoint(inner[:3, 3].tolist()))
    centre = np.linalg.solve(inner[:3, :3], np.array(outer.GetCenter()) - inner[:3, 3])
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix.ravel().tolist())
    transform.SetCenter(centre.tolist())
    transform.SetTranslation((matrix @ centre + zero - centre).tolist())
    return transform
