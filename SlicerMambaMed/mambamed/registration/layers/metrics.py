"""Metrics of registration: Dice, Hausdorff distance, Jacobian determinant (the columns of VMambaMorph's Table 1).

Written here because the published numbers need them exactly so: MONAI's percentile Hausdorff distance takes the
larger of two one-sided percentiles instead of the percentile of both sides together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from mambamed.errors import BadRequestError

__all__ = [
    "dice_coefficient",
    "hausdorff_distance",
    "jacobian_determinant",
    "negative_jacobian_percent",
    "non_positive_jacobian_percent",
]

ComponentOrder = Literal["array", "public_code"]


def dice_coefficient(first: np.ndarray, second: np.ndarray) -> float:
    """Dice coefficient of two masks; NaN if both are empty."""
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else float("nan")


def hausdorff_distance(
    first: np.ndarray, second: np.ndarray, percentile: float = 95.0, spacing: Sequence[float] | None = None
) -> float:
    """Percentile of the distances between the surfaces of two masks, both ways pooled.

    Args:
        first: mask (X, Y, Z).
        second: mask on the same grid.
        percentile: 95 for HD95, 100 for the Hausdorff distance itself.
        spacing: distance of voxels along the array axes, in mm; None counts in voxels.

    Returns:
        The distance; NaN if a mask is empty. Surfaces are voxels with a face neighbour outside the mask.
    """
    surfaces = [_surface(np.asarray(mask, bool)) for mask in (first, second)]
    if not all(surface.any() for surface in surfaces):
        return float("nan")
    distances = [
        ndimage.distance_transform_edt(~target, sampling=spacing)[source]
        for source, target in (surfaces, surfaces[::-1])
    ]
    return float(np.percentile(np.concatenate(distances), percentile))


def jacobian_determinant(displacement: Tensor, component_order: ComponentOrder = "array") -> Tensor:
    """Determinant of the Jacobian of x -> x + displacement(x), by central differences (one-sided halves at borders).

    Args:
        displacement: (B, 3, X, Y, Z), voxels, component i along array axis i.
        component_order: "array" is right. "public_code" repeats the published evaluation, which hands the components to
            SimpleITK without reversing them, so that component i is differentiated as if it ran along axis 2 - i.

    Returns:
        (B, X, Y, Z); 1 where volume is kept, 0 or less where space folds.
    """
    if displacement.ndim != 5 or displacement.shape[1] != 3:
        raise BadRequestError(
            f"A displacement field of shape {tuple(displacement.shape)} was given; it needs (batch, 3, X, Y, Z)."
        )
    padded = functional.pad(displacement, (1,) * 6, mode="replicate")
    centre = slice(1, -1)
    rows = [
        0.5 * (padded[:, :, 2:, centre, centre] - padded[:, :, :-2, centre, centre]),
        0.5 * (padded[:, :, centre, 2:, centre] - padded[:, :, centre, :-2, centre]),
        0.5 * (padded[:, :, centre, centre, 2:] - padded[:, :, centre, centre, :-2]),
    ]
    if component_order == "public_code":
        rows = rows[::-1]
    jacobian = torch.stack(rows, dim=-1).movedim(1, -2)
    jacobian = jacobian + torch.eye(3, dtype=displacement.dtype, device=displacement.device)
    first, second, third = jacobian.unbind(dim=-2)
    return (first * torch.linalg.cross(second, third)).sum(dim=-1)


def negative_jacobian_percent(displacement: Tensor, component_order: ComponentOrder = "array") -> float:
    """Percentage of voxels with a negative Jacobian determinant."""
    return 100.0 * (jacobian_determinant(displacement, component_order) < 0).double().mean().item()


def non_positive_jacobian_percent(displacement: Tensor) -> float:
    """Percentage of voxels where space folds or collapses: determinant 0 or less, components in the right order."""
    return 100.0 * (jacobian_determinant(displacement) <= 0).double().mean().item()


def _surface(mask: np.ndarray) -> np.ndarray:
    return mask & ~ndimage.binary_erosion(mask, ndimage.generate_binary_structure(mask.ndim, 1))
