"""LC2, the linear correlation of linear combination, on patches (Wein et al. 2008, Fuerst et al. 2014).

One image (``us``) is fitted in a cube by a linear combination of the other one (``mr``), of the magnitude of its
gradient, and of a constant. LC2 is the part of the variance that the fit explains, between 0 and 1. It is not
symmetric in its arguments.

The normal matrix, divided by the number of voxels, carries ``alpha`` on its whole diagonal, the constant included. The
constant is eliminated here by hand, which leaves a 2 x 2 system in centred moments: exact, and without the
cancellation that raw second moments suffer in single precision. With kappa = alpha / (1 + alpha), a = (mr, |grad mr|):

    (cov(a, a) + alpha I + kappa mean(a) mean(a)^T) w = cov(a, us) + kappa mean(a) mean(us) = q
    explained = q^T w - kappa mean(us)^2,      LC2 = clamp(explained / max(var(us), beta), 0, 1)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.registration.layers.box_filter import box_mean
from mambamed.registration.similarity.gradient import gradient_magnitude

__all__ = [
    "DEFAULT_ALPHA",
    "DEFAULT_BETA",
    "DEFAULT_RADII",
    "explained_cubes",
    "explained_fraction",
    "explaining_cubes",
    "lc2",
    "lc2_map",
]

DEFAULT_RADII = (3, 5, 7)
DEFAULT_ALPHA = 1e-3
DEFAULT_BETA = 1e-2


def lc2(
    us: Tensor,
    mr: Tensor,
    radii: Sequence[int] = DEFAULT_RADII,
    *,
    alpha: float = DEFAULT_ALPHA,
    beta: float = DEFAULT_BETA,
) -> Tensor:
    """Compare pairs of patches by LC2 around their centres, averaged over several radii.

    Differentiable in both images wherever the value is not clamped to 0 or 1.

    Args:
        us: (B, 1, S, S, S), the image that is explained; S odd.
        mr: (B, 1, S, S, S), the image that explains, with its gradient magnitude.
        radii: half sides of the cubes, in voxels; each cube of side 2r + 1 needs at least one voxel around it.
        alpha: regularisation of the fit.
        beta: smallest variance that counts as signal.

    Returns:
        The similarity of each pair, shape (B,), between 0 and 1.

    Raises:
        BadRequestError: shapes differ, S is even, or a radius does not fit.
    """
    if us.shape != mr.shape:
        raise BadRequestError(
            f"LC2 was given patches of shapes {tuple(us.shape)} and {tuple(mr.shape)}; it compares pairs, so both need "
            "the same shape (batch, 1, S, S, S). Use lc2_all_pairs for every combination."
        )
    values = []
    for radius in radii:
        target = explained_cubes(us, radius)
        image, magnitude = explaining_cubes(mr, radius)
        mean_image = image.mean(dim=1)
        mean_magnitude = magnitude.mean(dim=1)
        mean_target = target.mean(dim=1)
        image = image - mean_image[:, None]
        magnitude = magnitude - mean_magnitude[:, None]
        target = target - mean_target[:, None]
        values.append(
            explained_fraction(
                means=(mean_image, mean_magnitude, mean_target),
                image_image=(image * image).mean(dim=1),
                image_magnitude=(image * magnitude).mean(dim=1),
                magnitude_magnitude=(magnitude * magnitude).mean(dim=1),
                image_target=(image * target).mean(dim=1),
                magnitude_target=(magnitude * target).mean(dim=1),
                target_target=(target * target).mean(dim=1),
                alpha=alpha,
                beta=beta,
            )
        )
    return torch.stack(values).mean(dim=0)


def lc2_map(us: Tensor, mr: Tensor, radius: int, *, alpha: float = DEFAULT_ALPHA, beta: float = DEFAULT_BETA) -> Tensor:
    """Compute LC2 around every voxel of two volumes on one grid.

    Args:
        us: (B, 1, X, Y, Z), the volume that is explained.
        mr: (B, 1, X, Y, Z), the volume that explains.
        radius: half side of the cube, in voxels; cubes that reach outside see replicated border voxels.
        alpha: regularisation of the fit.
        beta: smallest variance that counts as signal.

    Returns:
        Values between 0 and 1, shape (B, 1, X, Y, Z). Away from borders they equal ``lc2`` of the patches.
    """
    magnitude = gradient_magnitude(mr)
    # Covariances do not change when a constant is taken away; single precision is lost if it is left in.
    offsets = [volume.mean(dim=(2, 3, 4), keepdim=True) for volume in (mr, magnitude, us)]
    first, second, target = (volume - offset for volume, offset in zip((mr, magnitude, us), offsets, strict=True))
    products = (
        first,
        second,
        target,
        first * first,
        first * second,
        second * second,
        first * target,
        second * target,
        target * target,
    )
    moments = box_mean(torch.cat(products, dim=1), radius).unbind(dim=1)
    mean_first, mean_second, mean_target = moments[:3]
    pairs = (
        (mean_first, mean_first),
        (mean_first, mean_second),
        (mean_second, mean_second),
        (mean_first, mean_target),
        (mean_second, mean_target),
        (mean_target, mean_target),
    )
    covariances = [moment - left * right for moment, (left, right) in zip(moments[3:], pairs, strict=True)]
    offset_first, offset_second, offset_target = (offset[:, 0] for offset in offsets)
    values = explained_fraction(
        means=(mean_first + offset_first, mean_second + offset_second, mean_target + offset_target),
        image_image=covariances[0].clamp_min(0),
        image_magnitude=covariances[1],
        magnitude_magnitude=covariances[2].clamp_min(0),
        image_target=covariances[3],
        magnitude_target=covariances[4],
        target_target=covariances[5].clamp_min(0),
        alpha=alpha,
        beta=beta,
    )
    return values[:, None]


def explained_cubes(us: Tensor, radius: int) -> Tensor:
    """Cut the cubes of side 2r + 1 out of patch centres, flattened to (B, voxels)."""
    _check_patches(us, radius)
    return _centre_crop(us, radius).flatten(1)


def explaining_cubes(mr: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """Cut the cubes out of patches and of their gradient magnitude, each flattened to (B, voxels)."""
    _check_patches(mr, radius)
    magnitude = gradient_magnitude(_centre_crop(mr, radius + 1))
    return _centre_crop(mr, radius).flatten(1), _centre_crop(magnitude, radius).flatten(1)


def explained_fraction(
    *,
    means: tuple[Tensor, Tensor, Tensor],
    image_image: Tensor,
    image_magnitude: Tensor,
    magnitude_magnitude: Tensor,
    image_target: Tensor,
    magnitude_target: Tensor,
    target_target: Tensor,
    alpha: float,
    beta: float,
) -> Tensor:
    """Solve the regularised fit from local means (image, magnitude, target) and biased covariances; see the module."""
    mean_image, mean_magnitude, mean_target = means
    kappa = alpha / (1.0 + alpha)
    first = image_image + alpha + kappa * mean_image**2
    mixed = image_magnitude + kappa * mean_image * mean_magnitude
    second = magnitude_magnitude + alpha + kappa * mean_magnitude**2
    right_first = image_target + kappa * mean_image * mean_target
    right_second = magnitude_target + kappa * mean_magnitude * mean_target
    # Schur complement: never below alpha, because the matrix is alpha I plus a positive semi-definite one.
    complement = (second - mixed**2 / first).clamp_min(alpha)
    remainder = right_second - mixed * right_first / first
    explained = right_first**2 / first + remainder**2 / complement - kappa * mean_target**2
    return (explained / target_target.clamp_min(beta)).clamp(0.0, 1.0)


def _check_patches(patches: Tensor, radius: int) -> None:
    fits = radius >= 1 and all(size % 2 == 1 and size >= 2 * radius + 3 for size in patches.shape[2:])
    if patches.ndim != 5 or patches.shape[1] != 1 or not fits:
        raise BadRequestError(
            f"LC2 with radius {radius} was given patches of shape {tuple(patches.shape)}; it needs (batch, 1, S, S, S) "
            f"with S odd and at least {2 * radius + 3} (one voxel around the cube for the gradient)."
        )


def _centre_crop(patches: Tensor, radius: int) -> Tensor:
    starts = [(size - (2 * radius + 1)) // 2 for size in patches.shape[2:]]
    index = [slice(None), slice(None)] + [slice(start, start + 2 * radius + 1) for start in starts]
    return patches[tuple(index)]
