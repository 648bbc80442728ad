"""Measures of a transform alone: change of volume, folding, agreement with its inverse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from mambamed.registration.geometry import GridGeometry
from mambamed.registration.layers.metrics import jacobian_determinant

__all__ = ["inverse_consistency_mm", "jacobian_image", "jacobian_quality"]

_HISTOGRAM_EDGES = np.linspace(-0.5, 3.0, 36)
_POINTS = 4000
_VOXELS_AT_A_TIME = 4_000_000


def jacobian_image(transform: sitk.Transform, grid: sitk.Image) -> sitk.Image:
    """Determinant of the Jacobian of a transform (LPS mm) at the voxels of a grid, whatever the grid's direction.

    Displacements are expressed in the grid's own indices first. (SimpleITK's filter differentiates along the grid's
    axes but takes the vectors' physical components, which is wrong on any grid that is not aligned with the patient's
    axes.) On a single slice the change of area is given.
    """
    geometry = GridGeometry.of_image(grid)
    if transform.IsLinear():
        zero = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
        columns = [np.array(transform.TransformPoint(unit)) - zero for unit in np.eye(3).tolist()]
        determinant = float(np.linalg.det(np.stack(columns, axis=1)))
        image = sitk.Image(grid.GetSize(), sitk.sitkFloat32) + determinant
    else:
        image = sitk.GetImageFromArray(_determinants(transform, geometry))
    image.CopyInformation(grid)
    return image


def jacobian_quality(jacobian: sitk.Image) -> dict[str, Any]:
    """Range, mean, part of folded voxels (percent) and histogram of a Jacobian determinant."""
    values = sitk.GetArrayViewFromImage(jacobian)
    counts, edges = np.histogram(np.clip(values, _HISTOGRAM_EDGES[0], _HISTOGRAM_EDGES[-1]), _HISTOGRAM_EDGES)
    return {
        "folded_percent": 100.0 * float((values <= 0).mean()),
        "jacobian": {
            "minimum": float(values.min()),
            "maximum": float(values.max()),
            "mean": float(values.mean(dtype=np.float64)),
        },
        "jacobian_histogram": {"edges": [round(float(edge), 6) for edge in edges], "counts": counts.tolist()},
    }


def inverse_consistency_mm(
    transform: sitk.Transform, inverse: sitk.Transform, fixed: sitk.Image, moving: sitk.Image
) -> dict[str, float]:
    """How far points of the fixed volume are from where they began after transform and inverse, mean and largest.

    Points that leave the moving volume are not counted; where all leave, both are 0.
    """
    generator = np.random.default_rng(0)
    indices = generator.uniform(0.0, 1.0, (_POINTS, 3)) * (np.array(fixed.GetSize()) - 1)
    errors = []
    limits = np.array(moving.GetSize()) - 0.5
    for index in indices.tolist():
        point = fixed.TransformContinuousIndexToPhysicalPoint(index)
        moved = transform.TransformPoint(point)
        place = np.array(moving.TransformPhysicalPointToContinuousIndex(moved))
        if (place >= -0.5).all() and (place <= limits).all():
            errors.append(np.linalg.norm(np.subtract(inverse.TransformPoint(moved), point)))
    if not errors:
        return {"mean": 0.0, "maximum": 0.0}
    return {"mean": float(np.mean(errors)), "maximum": float(np.max(errors))}


def _determinants(transform: sitk.Transform, geometry: GridGeometry) -> np.ndarray:
    """Determinants (Z, Y, X), some slices at a time: the displacements of a large volume would fill the memory."""
    width, height, depth = geometry.size
    result = np.empty((depth, height, width), np.float32)
    thickness = max(1, _VOXELS_AT_A_TIME // (width * height))
    for start in range(0, depth, thickness):
        stop = min(start + thickness, depth)
        # One slice more on each side, for the differences.
        first, last = max(start - 1, 0), min(stop + 1, depth)
        origin = geometry.index_to_physical() @ np.array([0.0, 0.0, first, 1.0])
        slab = replace(
            geometry,
            size=(width, height, last - first),
            origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        )
        values = jacobian_determinant(_index_displacement(transform, slab))[0]
        result[start:stop] = values[:, :, start - first : stop - first].permute(2, 1, 0).numpy()
    return result


def _index_displacement(transform: sitk.Transform, geometry: GridGeometry) -> torch.Tensor:
    """The transform as displacement in voxels of the grid, (1, 3, X, Y, Z), component i along axis i."""
    field_image = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat32,
        geometry.size,
        geometry.origin_mm,
        geometry.spacing_mm,
        geometry.direction,
    )
    vectors = sitk.GetArrayFromImage(field_image)
    in_voxels = vectors @ geometry.physical_to_index()[:3, :3].T.astype(np.float32)
    return torch.from_numpy(in_voxels).permute(3, 2, 1, 0)[None]
