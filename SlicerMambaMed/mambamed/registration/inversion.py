"""The inverse of a transform that is not linear, as a displacement field found by iteration."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch.nn import functional

from mambamed.registration.geometry import GridGeometry
from mambamed.registration.pressure_field import grid_points_mm

__all__ = ["displacement_on", "field_transform", "inverse_displacement", "sample_displacement"]

_ITERATIONS = 30
_TOLERANCE_MM = 0.01


def displacement_on(transform: sitk.Transform, geometry: GridGeometry) -> Tensor:
    """A transform's displacements on a grid: (1, 3, X, Y, Z), LPS mm, double precision."""
    image = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        geometry.size,
        geometry.origin_mm,
        geometry.spacing_mm,
        geometry.direction,
    )
    return torch.from_numpy(sitk.GetArrayFromImage(image)).permute(3, 2, 1, 0)[None].contiguous()


def field_transform(displacement: Tensor, geometry: GridGeometry) -> sitk.DisplacementFieldTransform:
    """The SimpleITK transform of displacements (1, 3, X, Y, Z), LPS mm, on a grid."""
    array = displacement[0].permute(3, 2, 1, 0).double().contiguous().cpu().numpy()
    image = sitk.GetImageFromArray(array, isVector=True)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return sitk.DisplacementFieldTransform(image)


def sample_displacement(displacement: Tensor, geometry: GridGeometry, points_mm: Tensor) -> Tensor:
    """Displacements (1, 3, X, Y, Z) at points (..., 3), LPS mm; beyond the grid those of its border."""
    to_index = torch.from_numpy(geometry.physical_to_index()).to(points_mm)
    index = points_mm @ to_index[:3, :3].T + to_index[:3, 3]
    span = (torch.tensor(geometry.size, device=index.device) - 1).clamp_min(1)
    grid = (2.0 * index / span - 1.0).flip(-1).reshape(1, -1, 1, 1, 3).to(displacement.dtype)
    sampled = functional.grid_sample(displacement, grid, align_corners=True, padding_mode="border")
    return sampled[0, :, :, 0, 0].T.reshape(points_mm.shape)


def inverse_displacement(
    displacement: Tensor, geometry: GridGeometry, target: GridGeometry, affine: np.ndarray | None = None
) -> Tensor:
    """Invert p -> p + u(p): find v on the target's grid with v(q) = -u(q + v(q)), by fixed-point iteration.

    Args:
        displacement: u, (1, 3, X, Y, Z), LPS mm, on ``geometry``; beyond it the border's values count.
        geometry: grid of u.
        target: grid of the inverse.
        affine: 4 x 4 linear map near the transform; iterating from its inverse converges for large motions, too.

    Returns:
        v, (1, 3, X', Y', Z'), LPS mm.
    """
    points = torch.from_numpy(grid_points_mm(target)).to(displacement.dtype)
    matrix = torch.from_numpy(np.eye(4) if affine is None else affine).to(displacement.dtype)
    back = torch.linalg.inv(matrix[:3, :3])
    places = (points - matrix[:3, 3]) @ back.T
    for _ in range(_ITERATIONS):
        error = places + sample_displacement(displacement, geometry, places) - points
        places = places - error @ back.T
        if float(error.abs().max()) < _TOLERANCE_MM:
            break
    size = tuple(reversed(target.size))
    return (places - points).T.reshape(1, 3, *size).permute(0, 1, 4, 3, 2).contiguous()
