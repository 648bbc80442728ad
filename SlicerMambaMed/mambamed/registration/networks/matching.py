"""What lies where: features of one place of the target beside those of the places around it in the source.

Networks that see two images side by side must find out by themselves that a displacement is where features agree.
Handing them the agreement at every small shift, the cost volume of optical flow (Dosovitskiy et al., FlowNet, ICCV
2015), spares them that: thousands of steps of training. It is not part of the published networks.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["local_matches", "match_divergence", "shift_count"]

_SMALLEST_NORM = 1e-3
_SHARPNESS = 10.0
"""Cosines times this are the logarithms of how likely a shift is."""
_TOLERANCE = 0.5
"""Standard deviation, in voxels, of places that count as the same."""
_OUTSIDE = 1e4


def shift_count(radius: int) -> int:
    """How many shifts reach ``radius`` voxels along each axis."""
    return int((2 * radius + 1) ** 3)


def local_matches(source: Tensor, target: Tensor, radius: int) -> Tensor:
    """Cosine between the target's features and the source's at every shift, each volume's mean taken off first.

    Args:
        source: features, (B, F, X, Y, Z).
        target: features of the same shape.
        radius: largest shift in voxels.

    Returns:
        (B, (2 * radius + 1)^3, X, Y, Z), float32, from -1 to 1; 0 where a shift leaves the volume. Shifts rise, the
        last axis fastest.
    """
    moving, fixed = (_unit_length(features.float()) for features in (source, target))
    padded = functional.pad(moving, (radius,) * 6)
    return torch.cat([(window * fixed).sum(1, keepdim=True) for window in _windows(padded, radius)], dim=1)


def match_divergence(
    matches: Tensor, source_places: Tensor, target_places: Tensor, inside: Tensor, radius: int
) -> Tensor:
    """How far the matches are from the true ones: Kullback-Leibler divergence of the shifts, mean over voxels.

    Args:
        matches: see ``local_matches``.
        source_places: places of the source's voxels in an anatomy common to both, (B, 3, X, Y, Z), in voxels.
        target_places: those of the target.
        inside: (B, X, Y, Z), where to look; voxels whose partner is farther away than ``radius`` are left out.
        radius: largest shift in voxels.

    Returns:
        A scalar, 0 where the matches are exact.
    """
    padded = functional.pad(source_places, (radius,) * 6, value=_OUTSIDE)
    distance = torch.cat(
        [(window - target_places).square().sum(1, keepdim=True) for window in _windows(padded, radius)], dim=1
    )
    wanted = torch.softmax(-distance / (2.0 * _TOLERANCE**2), dim=1)
    found = torch.log_softmax(_SHARPNESS * matches, dim=1)
    divergence = functional.kl_div(found, wanted, reduction="none").sum(dim=1)
    has_partner = inside & (distance.amin(dim=1) < 1.0)
    return (divergence * has_partner).sum() / has_partner.sum().clamp_min(1)


def _unit_length(features: Tensor) -> Tensor:
    centred = features - features.mean(dim=(2, 3, 4), keepdim=True)
    return functional.normalize(centred, dim=1, eps=_SMALLEST_NORM)


def _windows(padded: Tensor, radius: int) -> list[Tensor]:
    """Views of a padded volume at every shift."""
    x, y, z = (size - 2 * radius for size in padded.shape[2:])
    shifts = product(range(2 * radius + 1), repeat=3)
    return [padded[:, :, i : i + x, j : j + y, k : k + z] for i, j, k in shifts]
