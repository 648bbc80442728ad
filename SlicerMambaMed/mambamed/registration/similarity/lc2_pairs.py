"""LC2 of every patch of one set with every patch of another, as one matrix product per radius.

Used to make training targets: hundreds of positions give tens of thousands of pairs at once. For a patch ``mr`` the
explained part of the variance is a quadratic form in ``us``, of rank two once the constant is eliminated (see
``lc2_patches.py``): with the Cholesky factor L of the 2 x 2 matrix, the rows of L^-1 applied to (mr, |grad mr|) are two
directions, and the explained part is the sum of squares of the two projections of ``us``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mambamed.registration.similarity.lc2_patches import DEFAULT_ALPHA
from mambamed.registration.similarity.lc2_patches import DEFAULT_BETA
from mambamed.registration.similarity.lc2_patches import DEFAULT_RADII
from mambamed.registration.similarity.lc2_patches import explained_cubes
from mambamed.registration.similarity.lc2_patches import explaining_cubes

__all__ = ["lc2_all_pairs", "lc2_pairs_at_radius"]


def lc2_all_pairs(
    us: Tensor,
    mr: Tensor,
    radii: Sequence[int] = DEFAULT_RADII,
    *,
    alpha: float = DEFAULT_ALPHA,
    beta: float = DEFAULT_BETA,
) -> Tensor:
    """Compare each of N patches with each of M patches by LC2, averaged over radii.

    Args:
        us: (N, 1, S, S, S), the patches that are explained; S odd.
        mr: (M, 1, S, S, S), the patches that explain.
        radii: half sides of the cubes, in voxels.
        alpha: regularisation of the fit.
        beta: smallest variance that counts as signal.

    Returns:
        (N, M), element (i, j) equal to ``lc2(us[i:i+1], mr[j:j+1])``.
    """
    total = torch.zeros(us.shape[0], mr.shape[0], dtype=us.dtype, device=us.device)
    for radius in radii:
        image, magnitude = explaining_cubes(mr, radius)
        total = total + lc2_pairs_at_radius(explained_cubes(us, radius), image, magnitude, alpha=alpha, beta=beta)
    return total / len(radii)


def lc2_pairs_at_radius(
    target: Tensor,
    image: Tensor,
    magnitude: Tensor,
    *,
    alpha: float = DEFAULT_ALPHA,
    beta: float = DEFAULT_BETA,
    product_dtype: torch.dtype | None = None,
) -> Tensor:
    """Compare cubes that are cut out already, for callers that take many cubes from few volumes.

    Args:
        target: (N, voxels), cubes of the explained image.
        image: (M, voxels), cubes of the explaining image.
        magnitude: (M, voxels), the same cubes of its gradient magnitude.
        alpha: regularisation of the fit.
        beta: smallest variance that counts as signal.
        product_dtype: number format of the matrix product's factors, by default that of the cubes; bfloat16 changes the
            result by less than 0.01 and is several times faster where processors support it.

    Returns:
        (N, M).
    """
    kappa = alpha / (1.0 + alpha)
    voxels = target.shape[1]
    mean_image = image.mean(dim=1, keepdim=True)
    mean_magnitude = magnitude.mean(dim=1, keepdim=True)
    mean_target = target.mean(dim=1, keepdim=True)
    image = image - mean_image
    magnitude = magnitude - mean_magnitude
    target = target - mean_target

    # Each row, multiplied by (centred us, mean of us), gives an entry of the right hand side of the fit.
    row_image = torch.cat((image / voxels, kappa * mean_image), dim=1)
    row_magnitude = torch.cat((magnitude / voxels, kappa * mean_magnitude), dim=1)
    first = (image**2).mean(dim=1, keepdim=True) + alpha + kappa * mean_image**2
    mixed = (image * magnitude).mean(dim=1, keepdim=True) + kappa * mean_image * mean_magnitude
    second = (magnitude**2).mean(dim=1, keepdim=True) + alpha + kappa * mean_magnitude**2
    complement = (second - mixed**2 / first).clamp_min(alpha)
    directions = torch.cat(
        (row_image / first.sqrt(), (row_magnitude - mixed / first * row_image) / complement.sqrt()), dim=0
    )

    factors = torch.cat((target, mean_target), dim=1), directions
    if product_dtype is not None:
        factors = factors[0].to(product_dtype), factors[1].to(product_dtype)
    projections = (factors[0] @ factors[1].T).to(target.dtype)
    along_image, along_magnitude = projections.chunk(2, dim=1)
    explained = along_image**2 + along_magnitude**2 - kappa * mean_target**2
    variance = (target**2).mean(dim=1, keepdim=True)
    return (explained / variance.clamp_min(beta)).clamp(0.0, 1.0)
