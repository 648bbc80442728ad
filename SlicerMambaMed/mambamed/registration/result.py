"""What a registration gives back: transform, inverse, moved image, Jacobian, quality, record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.registration.field_measures import inverse_consistency_mm
from mambamed.registration.field_measures import jacobian_image
from mambamed.registration.field_measures import jacobian_quality
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.inversion import displacement_on
from mambamed.registration.inversion import field_transform
from mambamed.registration.inversion import inverse_displacement
from mambamed.registration.landmarks import landmark_errors_mm

__all__ = ["RegistrationResult", "build_result", "inverse_transform", "jacobian_image", "landmark_errors_mm"]

_MARGIN_SAMPLES = 4
"""Samples of a displacement field beyond its image: outside the field SimpleITK's transform is the identity."""
_FINEST_INVERSE_SAMPLES = 6_000_000


@dataclass(frozen=True)
class RegistrationResult:
    """The outcome of a registration; all geometry in LPS millimetres.

    Attributes:
        transform: maps points of the fixed image to the moving image; with it the moving image is resampled onto the
            fixed.
        inverse: maps points of the moving image to the fixed image.
        warped: the moving image on the grid of the fixed one; outside it has the moving image's smallest value.
        jacobian: determinant of the transform's Jacobian on the grid of the fixed image; below 0 space is folded.
        quality: numbers that tell how far to trust the result (docs/developer/registration.md lists them).
        record: how the result was made.
        similarity_map: local similarity after registration on the grid of the fixed image, if asked for.
    """

    transform: sitk.Transform
    inverse: sitk.Transform
    warped: sitk.Image
    jacobian: sitk.Image
    quality: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    similarity_map: sitk.Image | None = None


def build_result(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    *,
    inverse: sitk.Transform | None = None,
    quality: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
) -> RegistrationResult:
    """Resample and measure what follows from a transform.

    Args:
        fixed: the fixed image.
        moving: the moving image, also in colour.
        transform: fixed -> moving, LPS mm.
        inverse: moving -> fixed, if it is known; else it is computed.
        quality: numbers known already; those of the Jacobian and the inverse are added.
        record: how the transform was found.

    Returns:
        The result, on the fixed image's own grid.
    """
    background = float(sitk.GetArrayViewFromImage(moving).min())
    warped = sitk.Resample(moving, fixed, transform, sitk.sitkLinear, background, moving.GetPixelID())
    jacobian = jacobian_image(transform, fixed)
    inverse = inverse_transform(transform, moving) if inverse is None else inverse
    measured = {
        **jacobian_quality(jacobian),
        "inverse_consistency_mm": inverse_consistency_mm(transform, inverse, fixed, moving),
    }
    return RegistrationResult(transform, inverse, warped, jacobian, {**(quality or {}), **measured}, record or {})


def inverse_transform(transform: sitk.Transform, grid: sitk.Image) -> sitk.Transform:
    """The inverse of a transform: exact if it is linear, else a displacement field over ``grid`` found by iteration.

    Args:
        transform: fixed -> moving, LPS mm.
        grid: image whose extent carries the inverse, usually the moving image. Very fine grids get a coarser field.
    """
    if transform.IsLinear():
        return transform.GetInverse()
    own = GridGeometry.of_image(grid)
    if isinstance(transform, sitk.DisplacementFieldTransform):
        source = GridGeometry.of_image(transform.GetDisplacementField())
        # The inverse is as smooth as the field itself.
        target = own.isotropic(max(min(source.spacing_mm), min(own.spacing_mm))).padded(_MARGIN_SAMPLES)
    else:
        target = _not_too_fine(own).padded(_MARGIN_SAMPLES)
        source = target.padded(_MARGIN_SAMPLES)
    forward = displacement_on(transform, source)
    affine = _nearest_affine(forward.numpy(), source)
    return field_transform(inverse_displacement(forward, source, target, affine), target)


def _nearest_affine(displacement: np.ndarray, geometry: GridGeometry) -> np.ndarray:
    """Least-squares affine map (4 x 4) of p -> p + u(p) on some samples of the grid."""
    generator = np.random.default_rng(0)
    index = np.stack([generator.integers(0, count, 2000) for count in geometry.size], axis=1)
    matrix = geometry.index_to_physical()
    points = index @ matrix[:3, :3].T + matrix[:3, 3]
    moved = points + displacement[0][:, index[:, 0], index[:, 1], index[:, 2]].T
    centre = points.mean(axis=0)
    # An axis with one sample gives no slope of its own; the smallest solution of the displacement leaves it alone.
    design = np.concatenate([points - centre, np.ones((len(points), 1))], axis=1)
    solution = np.linalg.lstsq(design, moved - points, rcond=1e-8)[0]
    result = np.eye(4)
    result[:3, :3] += solution[:3].T
    result[:3, 3] = solution[3] - solution[:3].T @ centre
    return result if abs(np.linalg.det(result[:3, :3])) > 0.1 else np.eye(4)


def _not_too_fine(geometry: GridGeometry) -> GridGeometry:
    samples = int(np.prod(geometry.size, dtype=np.int64))
    if samples <= _FINEST_INVERSE_SAMPLES:
        return geometry
    extent = float(np.prod([count * step for count, step in zip(geometry.size, geometry.spacing_mm, strict=True)]))
    return geometry.isotropic((extent / _FINEST_INVERSE_SAMPLES) ** (1 / 3))
