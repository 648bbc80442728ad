"""A field in cells of a feature grid as the SimpleITK transform of a registration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.registration.geometry import GridGeometry
from mambamed.registration.inversion import field_transform
from mambamed.registration.pair import ImagePair
from mambamed.registration.pressure_field import grid_points_mm

__all__ = ["cells_to_mm", "field_on_grid", "mm_to_cells", "total_transform"]

_FIELD_MARGIN = 3
_EDGE_SAMPLES = 4


def cells_to_mm(field: Tensor, geometry: GridGeometry) -> Tensor:
    """Displacements (1, 3, X, Y, Z) in cells of a grid as LPS mm, on the CPU."""
    matrix = torch.from_numpy(geometry.index_to_physical()[:3, :3]).float()
    return torch.einsum("ij,bjxyz->bixyz", matrix, field.detach().cpu().float())


def mm_to_cells(field: Tensor, geometry: GridGeometry) -> Tensor:
    """Displacements (1, 3, X, Y, Z) in LPS mm as cells of a grid."""
    matrix = torch.from_numpy(geometry.physical_to_index()[:3, :3]).to(field)
    return torch.einsum("ij,bjxyz->bixyz", matrix, field)


def field_on_grid(field_mm: Tensor, geometry: GridGeometry, target: GridGeometry, is_planar: bool = False) -> Tensor:
    """Sample displacements (1, 3, X, Y, Z), LPS mm, on another grid by cubic B-splines (planar ones linearly).

    Beyond the first grid its border's values count. Returns double precision.
    """
    pad = [_EDGE_SAMPLES if count > 1 else 0 for count in reversed(geometry.size) for _ in range(2)]
    padded = torch.nn.functional.pad(field_mm.float(), pad, mode="replicate")
    first = [-_EDGE_SAMPLES if count > 1 else 0 for count in geometry.size]
    origin = geometry.index_to_physical() @ np.array([*first, 1.0])
    components = []
    for axis in range(3):
        image = sitk.GetImageFromArray(padded[0, axis].permute(2, 1, 0).contiguous().numpy())
        image.SetSpacing(geometry.spacing_mm)
        image.SetOrigin(origin[:3].tolist())
        image.SetDirection(geometry.direction)
        resampled = sitk.Resample(
            image,
            target.size,
            sitk.Transform(3, sitk.sitkIdentity),
            sitk.sitkLinear if is_planar else sitk.sitkBSpline,
            target.origin_mm,
            target.spacing_mm,
            target.direction,
            0.0,
            sitk.sitkFloat64,
            True,
        )
        components.append(torch.from_numpy(sitk.GetArrayFromImage(resampled)).permute(2, 1, 0))
    return torch.stack(components)[None]


def total_transform(
    field_cells: Tensor, geometry: GridGeometry, affine: np.ndarray, pair: ImagePair
) -> sitk.DisplacementFieldTransform:
    """The map p -> A(p + u(p)) as one displacement field, a little larger than the fixed volume."""
    target = _field_grid(geometry, pair)
    moved = field_on_grid(cells_to_mm(field_cells, geometry), geometry, target, pair.planar)[0]
    points = torch.from_numpy(grid_points_mm(target)).T.reshape(3, *reversed(target.size)).permute(0, 3, 2, 1)
    matrix = torch.from_numpy(affine)
    total = torch.einsum("ij,jxyz->ixyz", matrix[:3, :3], points + moved) + matrix[:3, 3, None, None, None] - points
    return field_transform(total[None], target)


def _field_grid(geometry: GridGeometry, pair: ImagePair) -> GridGeometry:
    """The frame's axes at the working spacing, over the fixed volume and some samples more on each side."""
    fine = [
        pair.working_spacing_mm if count > 1 else step
        for count, step in zip(geometry.size, geometry.spacing_mm, strict=True)
    ]
    margin = [_FIELD_MARGIN * round(step / own) for step, own in zip(geometry.spacing_mm, fine, strict=True)]
    first, second, third = (
        (count - 1) * round(step / own) + 1
        for count, step, own in zip(geometry.size, geometry.spacing_mm, fine, strict=True)
    )
    placed = replace(geometry, size=(first, second, third), spacing_mm=(fine[0], fine[1], fine[2]))
    return placed.padded(margin)
