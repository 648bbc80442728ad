"""What a registration gives back: transform, inverse, moved image, Jacobian, quality, record."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from mambamed.errors import BadRequestError
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.layers.metrics import jacobian_determinant

__all__ = ["RegistrationResult", "build_result", "inverse_transform", "jacobian_image", "landmark_errors_mm"]

_INVERSE_ITERATIONS = 50
_INVERSE_TOLERANCE = 0.01


@dataclass(frozen=True)
class RegistrationResult:
    """The outcome of a registration; all geometry in LPS millimetres.

    Attributes:
        transform: maps points of the fixed image to the moving image; with it the moving image is resampled onto the
            fixed.
        inverse: maps points of the moving image to the fixed image.
        warped: the moving image on the grid of the fixed one; outside it has the moving image's smallest value.
        jacobian: determinant of the transform's Jacobian on the grid of the fixed image; below 0 space is folded.
        quality: named numbers that tell how far to trust the result.
        record: how the result was made.
    """

    transform: sitk.Transform
    inverse: sitk.Transform
    warped: sitk.Image
    jacobian: sitk.Image
    quality: Mapping[str, float] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


def build_result(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    *,
    quality: Mapping[str, float] | None = None,
    record: Mapping[str, Any] | None = None,
) -> RegistrationResult:
    """Resample and measure what follows from a transform.

    Args:
        fixed: the fixed image.
        moving: the moving image.
        transform: fixed -> moving, LPS mm.
        quality: numbers known already; those of the Jacobian are added.
        record: how the transform was found.

    Returns:
        The result, on the fixed image's own grid.
    """
    background = float(sitk.GetArrayViewFromImage(moving).min())
    warped = sitk.Resample(moving, fixed, transform, sitk.sitkLinear, background, moving.GetPixelID())
    jacobian = jacobian_image(transform, fixed)
    values = sitk.GetArrayViewFromImage(jacobian)
    measured = {
        "jacobian_minimum": float(values.min()),
        "jacobian_maximum": float(values.max()),
        "folded_percent": 100.0 * float((values <= 0).mean()),
    }
    inverse = inverse_transform(transform, moving)
    return RegistrationResult(transform, inverse, warped, jacobian, {**(quality or {}), **measured}, record or {})


def jacobian_image(transform: sitk.Transform, grid: sitk.Image) -> sitk.Image:
    """Determinant of the Jacobian of a transform (LPS mm) at the voxels of a grid, whatever the grid's direction.

    Displacements are expressed in the grid's own indices first. (SimpleITK's filter differentiates along the grid's
    axes
    but takes the vectors' physical components, which is wrong on any grid that is not aligned with the patient's axes.)
    """
    geometry = GridGeometry.of_image(grid)
    if transform.IsLinear():
        zero = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
        columns = [np.array(transform.TransformPoint(unit)) - zero for unit in np.eye(3).tolist()]
        determinant = float(np.linalg.det(np.stack(columns, axis=1)))
        image = sitk.Image(grid.GetSize(), sitk.sitkFloat32) + determinant
    else:
        displacement = _index_displacement(transform, geometry)
        array = jacobian_determinant(displacement)[0].permute(2, 1, 0).contiguous().numpy()
        image = sitk.GetImageFromArray(array.astype(np.float32))
    image.CopyInformation(grid)
    return image


def inverse_transform(transform: sitk.Transform, grid: sitk.Image) -> sitk.Transform:
    """The inverse of a transform: exact if it is linear, else a displacement field on ``grid`` found by iteration.

    Args:
        transform: fixed -> moving, LPS mm.
        grid: image whose grid carries the inverse, usually the moving image.
    """
    if transform.IsLinear():
        return transform.GetInverse()
    field_image = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        grid.GetSize(),
        grid.GetOrigin(),
        grid.GetSpacing(),
        grid.GetDirection(),
    )
    inverted = sitk.InvertDisplacementField(
        field_image,
        maximumNumberOfIterations=_INVERSE_ITERATIONS,
        maxErrorToleranceThreshold=_INVERSE_TOLERANCE,
        meanErrorToleranceThreshold=_INVERSE_TOLERANCE / 10.0,
        enforceBoundaryCondition=False,
    )
    return sitk.DisplacementFieldTransform(sitk.Cast(inverted, sitk.sitkVectorFloat64))


def landmark_errors_mm(
    transform: sitk.Transform, fixed_points: Sequence[Sequence[float]], moving_points: Sequence[Sequence[float]]
) -> np.ndarray:
    """Distance in mm between each transformed fixed landmark and its moving partner (LPS mm), shape (N,)."""
    if len(fixed_points) != len(moving_points):
        raise BadRequestError(
            f"There are {len(fixed_points)} fixed and {len(moving_points)} moving landmarks; they must form pairs."
        )
    moved = [transform.TransformPoint([float(value) for value in point]) for point in fixed_points]
    return np.linalg.norm(np.asarray(moved).reshape(-1, 3) - np.asarray(moving_points).reshape(-1, 3), axis=1)


def _index_displacement(transform: sitk.Transform, geometry: GridGeometry) -> torch.Tensor:
    """The transform as displacement in voxels of the grid, (1, 3, X, Y, Z), component i along axis i."""
    field_image = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        geometry.size,
        geometry.origin_mm,
        geometry.spacing_mm,
        geometry.direction,
    )
    vectors = sitk.GetArrayFromImage(field_image)
    in_voxels = vectors @ geometry.physical_to_index()[:3, :3].T
    return torch.from_numpy(in_voxels).permute(3, 2, 1, 0)[None]
