"""From what a network returns to SimpleITK transforms on the volumes' own grids."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch import nn

from mambamed.registration.deformable.total_field import field_on_grid
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.inversion import field_transform
from mambamed.registration.inversion import sample_displacement
from mambamed.registration.layers.spatial_transformer import integrate_velocity
from mambamed.registration.layers.spatial_transformer import resize_displacement
from mambamed.registration.networks.output import RegistrationOutput
from mambamed.registration.networks.padding import crop_to
from mambamed.registration.networks.pyramid import SIZE_MULTIPLE
from mambamed.registration.pressure_field import grid_points_mm
from mambamed.registration.transforms import linear_matrix

__all__ = ["GridField", "forward_transform", "in_millimetres", "inverse_of_prediction", "inverse_transform"]

_MARGIN_SAMPLES = 4
"""Samples beyond a volume: outside its field a SimpleITK transform is the identity."""


@dataclass(frozen=True)
class GridField:
    """Displacements (1, 3, X, Y, Z), LPS mm, on a grid in fixed space; beyond it those of its border."""

    displacement_mm: Tensor
    grid: GridGeometry

    def apply(self, points_mm: Tensor) -> Tensor:
        """Move points (N, 3), LPS mm."""
        return points_mm + sample_displacement(self.displacement_mm, self.grid, points_mm)


def inverse_of_prediction(network: nn.Module, output: RegistrationOutput) -> Tensor | None:
    """The inverse of a predicted displacement, voxels: the displacement of the negative velocity.

    Returns:
        (1, 3, X, Y, Z); None where the network predicts no velocity, makes several passes, or integrated on a grid that
        was filled up: then the inverse has to be found by iteration.
    """
    steps = int(getattr(network, "integration_steps", 0))
    downsize = int(getattr(network, "downsize", 1))
    size = output.pos_flow.shape[2:]
    is_padded = any(count % SIZE_MULTIPLE for count in size)
    if steps == 0 or int(getattr(network, "passes", 1)) > 1 or (downsize > 1 and is_padded):
        return None
    displacement = integrate_velocity(-output.preint_flow, steps)
    if downsize > 1:
        displacement = resize_displacement(displacement, float(downsize))
    return crop_to(displacement, size)


def in_millimetres(displacement: Tensor, grid: GridGeometry) -> GridField:
    """A displacement in voxels, component i along array axis i, as a field in LPS mm."""
    matrix = torch.from_numpy(grid.index_to_physical()[:3, :3])
    return GridField(torch.einsum("ij,bjxyz->bixyz", matrix, displacement.detach().cpu().double()), grid)


def forward_transform(
    linear: sitk.Transform, predicted: GridField, refined: GridField | None, fixed: sitk.Image
) -> sitk.DisplacementFieldTransform:
    """Points fixed -> moving: the refined motion, then the predicted one, then the linear transform.

    The field's samples are those of the network's grid, continued over the whole fixed volume: without a refinement
    nothing is interpolated.

    Args:
        linear: fixed -> moving, LPS mm.
        predicted: the network's displacements.
        refined: displacements that come first, or None.
        fixed: the fixed volume.
    """
    target = _covering(predicted.grid, fixed)
    points = torch.from_numpy(grid_points_mm(target))
    moved = points if refined is None else points + _samples(refined, target)
    return _as_field(points, _linear(linear)(predicted.apply(moved)), target)


def inverse_transform(
    linear: sitk.Transform, predicted: GridField, refined: GridField | None, moving: sitk.Image
) -> sitk.DisplacementFieldTransform:
    """Points moving -> fixed: the inverse of the linear transform, then the inverse motions in reverse order.

    Args:
        linear: fixed -> moving, LPS mm; it is inverted here.
        predicted: displacements of the inverse of what the network predicted, in fixed space.
        refined: displacements of the inverse of the refined motion, or None.
        moving: the moving volume, which the field covers.
    """
    own = GridGeometry.of_image(moving)
    target = own.isotropic(max(min(predicted.grid.spacing_mm), min(own.spacing_mm))).padded(_MARGIN_SAMPLES)
    points = torch.from_numpy(grid_points_mm(target))
    moved = predicted.apply(_linear(linear.GetInverse())(points))
    return _as_field(points, moved if refined is None else refined.apply(moved), target)


def _linear(transform: sitk.Transform) -> Callable[[Tensor], Tensor]:
    matrix = torch.from_numpy(linear_matrix(transform))
    return lambda points: points @ matrix[:3, :3].T + matrix[:3, 3]


def _samples(field: GridField, target: GridGeometry) -> Tensor:
    """A coarse field on the samples of a grid, (N, 3) in the order of ``grid_points_mm``, by B-splines."""
    return field_on_grid(field.displacement_mm, field.grid, target)[0].permute(3, 2, 1, 0).reshape(-1, 3)


def _as_field(points: Tensor, moved: Tensor, target: GridGeometry) -> sitk.DisplacementFieldTransform:
    vectors = (moved - points).reshape(*reversed(target.size), 3).permute(3, 2, 1, 0)
    return field_transform(vectors[None], target)


def _covering(grid: GridGeometry, image: sitk.Image) -> GridGeometry:
    """The grid with so many more samples on each side that it covers an image and a margin."""
    ends = np.array(list(np.ndindex(2, 2, 2)))
    corners = [image.TransformContinuousIndexToPhysicalPoint(_corner(bits, image.GetSize())) for bits in ends.tolist()]
    matrix = grid.physical_to_index()
    places = np.array(corners) @ matrix[:3, :3].T + matrix[:3, 3]
    before = np.maximum(np.ceil(-places.min(axis=0)), 0).astype(int)
    after = np.maximum(np.ceil(places.max(axis=0) - (np.array(grid.size) - 1)), 0).astype(int)
    more = (np.maximum(before, after) + _MARGIN_SAMPLES).tolist()
    return grid.padded(more)


def _corner(bits: Sequence[int], size: Sequence[int]) -> list[float]:
    return [count - 0.5 if bit else -0.5 for bit, count in zip(bits, size, strict=True)]
