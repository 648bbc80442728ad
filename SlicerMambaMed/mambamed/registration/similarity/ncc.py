"""Normalised cross-correlation, in windows or over the whole volume."""

from __future__ import annotations

import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.registration.layers.box_filter import box_mean

__all__ = ["global_ncc", "local_squared_ncc"]


def local_squared_ncc(fixed: Tensor, moving: Tensor, window: int = 9, epsilon: float = 1e-5) -> Tensor:
    """Squared correlation coefficient in a cube around every voxel (as in VoxelMorph).

    Args:
        fixed: (B, 1, X, Y, Z).
        moving: (B, 1, X, Y, Z).
        window: side of the cube in voxels, odd; outside the volume both images count as zero.
        epsilon: added to the product of the summed squared deviations.

    Returns:
        (B, 1, X, Y, Z), between 0 and 1.
    """
    if window < 3 or window % 2 == 0:
        raise BadRequestError(f"The correlation window is {window} voxels wide; give an odd number of at least 3.")
    voxels = window**3
    stacked = torch.cat((fixed, moving, fixed * fixed, moving * moving, fixed * moving), dim=1)
    mean_fixed, mean_moving, square_fixed, square_moving, product = box_mean(stacked, window // 2, "zeros").split(
        1, dim=1
    )
    cross = voxels * (product - mean_fixed * mean_moving)
    deviation_fixed = voxels * (square_fixed - mean_fixed**2)
    deviation_moving = voxels * (square_moving - mean_moving**2)
    return cross * cross / (deviation_fixed * deviation_moving + epsilon)


def global_ncc(fixed: Tensor, moving: Tensor, weights: Tensor | None = None, epsilon: float = 1e-8) -> Tensor:
    """Pearson's correlation over whole volumes (B, 1, X, Y, Z) -> (B,), between -1 and 1; 0 for a constant volume."""
    mass = torch.ones_like(fixed) if weights is None else weights
    mass = mass / mass.flatten(1).sum(dim=1).clamp_min(torch.finfo(fixed.dtype).tiny)[:, None, None, None, None]

    def average(values: Tensor) -> Tensor:
        return (values * mass).sum(dim=(1, 2, 3, 4), keepdim=True)

    fixed = fixed - average(fixed)
    moving = moving - average(moving)
    variance = average(fixed**2) * average(moving**2)
    return (average(fixed * moving) / (variance + epsilon**2).sqrt()).flatten()
