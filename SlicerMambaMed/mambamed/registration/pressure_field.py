"""The transform of a registration with probe pressure, which is not linear, as a displacement field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.registration.geometry import GridGeometry
from mambamed.registration.transforms import ProbePressureModel

__all__ = ["PressureMotion", "grid_points_mm"]


@dataclass(frozen=True)
class PressureMotion:
    """A fitted rigid motion with probe pressure.

    Attributes:
        model: the family of transforms; its probe lies in fixed space.
        parameters: (P,).
    """

    model: ProbePressureModel
    parameters: Tensor

    def apply(self, points_mm: Tensor) -> Tensor:
        """Move points (N, 3), LPS mm."""
        matrix = self.model.matrices(self.parameters.double()[None])[0]
        return self.model.basis(points_mm) @ matrix.T

    def transform(self, grid: GridGeometry, outer: sitk.AffineTransform) -> sitk.DisplacementFieldTransform:
        """``outer`` after this motion, as a displacement field on a grid (LPS mm)."""
        points = torch.from_numpy(grid_points_mm(grid))
        moved = self.apply(points).numpy()
        matrix = np.reshape(outer.GetMatrix(), (3, 3))
        moved = moved @ matrix.T + np.array(outer.TransformPoint((0.0, 0.0, 0.0)))
        vectors = (moved - points.numpy()).reshape(*reversed(grid.size), 3)
        field = sitk.GetImageFromArray(vectors, isVector=True)
        field.SetSpacing(grid.spacing_mm)
        field.SetOrigin(grid.origin_mm)
        field.SetDirection(grid.direction)
        return sitk.DisplacementFieldTransform(field)


def grid_points_mm(geometry: GridGeometry) -> np.ndarray:
    """Physical positions of all samples, (N, 3), the first index running fastest (the order of SimpleITK's arrays)."""
    k, j, i = np.meshgrid(*(np.arange(count) for count in reversed(geometry.size)), indexing="ij")
    matrix = geometry.index_to_physical()
    index = np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.float64)
    return index @ matrix[:3, :3].T + matrix[:3, 3]
