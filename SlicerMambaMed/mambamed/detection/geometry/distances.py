"""Distances between the Gaussians of boxes, and the similarities that are made of them.

All take means (..., 2) and covariances (..., 2, 2) that broadcast against each other, and are differentiable. The
2 x 2 matrices are inverted in closed form.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mambamed.detection.geometry.gaussians import box_gaussians
from mambamed.errors import BadRequestError

__all__ = [
    "box_similarity",
    "gaussian_jensen_shannon",
    "gaussian_kullback_leibler",
    "gaussian_wasserstein_squared",
    "mahalanobis_squared",
    "similarity_measures",
]


def gaussian_kullback_leibler(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """KL(first || other), at least 0, not symmetric."""
    determinant, other_determinant = _determinant(covariance), _determinant(other_covariance)
    # trace(inverse(other) @ first), the inverse being the adjugate over the determinant
    trace = (
        other_covariance[..., 1, 1] * covariance[..., 0, 0]
        + other_covariance[..., 0, 0] * covariance[..., 1, 1]
        - 2 * other_covariance[..., 0, 1] * covariance[..., 0, 1]
    ) / other_determinant
    distance = mahalanobis_squared(mean - other_mean, other_covariance)
    return 0.5 * (trace + distance - 2 + (other_determinant / determinant).log()).clamp_min(0)


def gaussian_wasserstein_squared(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor
) -> Tensor:
    """Squared 2-Wasserstein distance, square pixels.

    In two dimensions trace((A^1/2 B A^1/2)^1/2) = sqrt(trace(A B) + 2 sqrt(|A| |B|)).
    """
    product_trace = (covariance * other_covariance).sum(dim=(-1, -2))  # both are symmetric
    roots = (_determinant(covariance) * _determinant(other_covariance)).clamp_min(0).sqrt()
    coupling = (product_trace + 2 * roots).sqrt()
    shape = _trace(covariance) + _trace(other_covariance) - 2 * coupling
    return (mean - other_mean).square().sum(dim=-1) + shape.clamp_min(0)


def gaussian_jensen_shannon(
    mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor, alpha: float = 0.5
) -> Tensor:
    """Geometric Jensen-Shannon divergence in its dual form (Nielsen, Entropy 2019, "GJSD").

    It is (1 - alpha) KL(G || first) + alpha KL(G || other) with G the normalised geometric mean of the two densities,
    weights 1 - alpha and alpha. With the covariances' mean M = alpha first + (1 - alpha) other and d the difference of
    the means this is 1/2 (alpha (1 - alpha) d^T M^-1 d + log |M| - alpha log |first| - (1 - alpha) log |other|).
    """
    mixed = alpha * covariance + (1 - alpha) * other_covariance
    logarithms = (
        _determinant(mixed).log()
        - alpha * _determinant(covariance).log()
        - (1 - alpha) * _determinant(other_covariance).log()
    )
    distance = mahalanobis_squared(mean - other_mean, mixed)
    return 0.5 * (alpha * (1 - alpha) * distance + logarithms.clamp_min(0))


def mahalanobis_squared(offset: Tensor, covariance: Tensor) -> Tensor:
    """Return offset^T covariance^-1 offset for offsets (..., 2)."""
    x, y = offset.unbind(dim=-1)
    quadratic = covariance[..., 1, 1] * x * x + covariance[..., 0, 0] * y * y - 2 * covariance[..., 0, 1] * x * y
    return quadratic / _determinant(covariance)


def similarity_measures() -> tuple[str, ...]:
    """Return the names of the measures that ``box_similarity`` takes."""
    return tuple(_SIMILARITIES)


def box_similarity(boxes: Tensor, other: Tensor, measure: str = "gjsd") -> Tensor:
    """Similarity of the Gaussians of every box with every other, in (0, 1]; 1 for equal boxes.

    Args:
        boxes: (N, 5); for "kld" the first argument of the divergence.
        other: (M, 5).
        measure: "gjsd", 1/(1 + GJSD) with alpha 0.5; "kld", 1/(1 + KL); "gwd", 1/(1 + Wasserstein distance in pixels).

    Returns:
        (N, M).
    """
    if measure not in _SIMILARITIES:
        raise BadRequestError(
            f"The similarity of boxes {measure!r} is unknown; give one of {', '.join(similarity_measures())}."
        )
    mean, covariance = box_gaussians(boxes[:, None])
    other_mean, other_covariance = box_gaussians(other[None])
    return 1 / (1 + _SIMILARITIES[measure](mean, covariance, other_mean, other_covariance))


def _wasserstein(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    squared = gaussian_wasserstein_squared(mean, covariance, other_mean, other_covariance)
    # The root has no derivative at 0.
    return torch.where(squared > 0, squared.where(squared > 0, torch.ones_like(squared)).sqrt(), squared)


_SIMILARITIES: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "gjsd": gaussian_jensen_shannon,
    "kld": gaussian_kullback_leibler,
    "gwd": _wasserstein,
}


def _determinant(matrix: Tensor) -> Tensor:
    return matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]


def _trace(matrix: Tensor) -> Tensor:
    return matrix[..., 0, 0] + matrix[..., 1, 1]
