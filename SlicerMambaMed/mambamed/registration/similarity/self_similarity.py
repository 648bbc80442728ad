"""MIND-SSC, self-similarity context descriptors (Heinrich et al., MICCAI 2013)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mambamed.errors import BadRequestError
from mambamed.registration.layers.box_filter import box_mean

__all__ = ["mind_ssc"]

# The six neighbours, in steps of `dilation`.
_NEIGHBOURS = ((-1, 0, 0), (0, 0, -1), (0, -1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0))
# All pairs of neighbours that touch along a face diagonal (squared distance 2): twelve channels.
_PAIRS = tuple(
    (_NEIGHBOURS[first], _NEIGHBOURS[second])
    for first in range(6)
    for second in range(first)
    if sum((a - b) ** 2 for a, b in zip(_NEIGHBOURS[first], _NEIGHBOURS[second], strict=True)) == 2
)
# Channel order of the public implementations, kept so that descriptors can be compared with theirs.
_CHANNEL_ORDER = (6, 8, 1, 11, 2, 10, 0, 7, 9, 4, 5, 3)


def mind_ssc(volume: Tensor, radius: int = 2, dilation: int = 2) -> Tensor:
    """Describe every voxel by how its six neighbourhoods resemble each other.

    Args:
        volume: (B, 1, X, Y, Z), floating point. Each volume of the batch is normalised on its own.
        radius: half side in voxels of the cubes over which squared differences are averaged.
        dilation: distance in voxels of the six neighbours.

    Returns:
        (B, 12, X, Y, Z), between 0 and 1; 1 where all neighbourhoods are alike. Values depend on the mean over
        the whole volume, so a crop has slightly different ones. Borders are replicated.

    Raises:
        BadRequestError: not a single-channel volume, or radius or dilation below 1.
    """
    if volume.ndim != 5 or volume.shape[1] != 1 or radius < 1 or dilation < 1:
        raise BadRequestError(
            f"MIND-SSC was given shape {tuple(volume.shape)}, radius {radius}, dilation {dilation}; it needs "
            "(batch, 1, X, Y, Z) and both numbers at least 1."
        )
    padded = functional.pad(volume, (dilation,) * 6, mode="replicate")
    shifted = {offset: _shift(padded, offset, dilation, volume.shape[2:]) for offset in _NEIGHBOURS}
    distances = torch.cat(
        [box_mean((shifted[first] - shifted[second]) ** 2, radius) for first, second in _PAIRS], dim=1
    )
    distances = distances - distances.amin(dim=1, keepdim=True)
    noise = distances.mean(dim=1, keepdim=True)
    typical = noise.mean(dim=(1, 2, 3, 4), keepdim=True)
    noise = torch.maximum(torch.minimum(noise, typical * 1000.0), typical * 0.001)
    # A constant volume has no scale at all: every distance is 0 and every descriptor is 1.
    noise = noise.clamp_min(torch.finfo(volume.dtype).tiny)
    return torch.exp(-distances / noise)[:, list(_CHANNEL_ORDER)]


def _shift(padded: Tensor, offset: tuple[int, int, int], dilation: int, shape: torch.Size) -> Tensor:
    index = [slice(None), slice(None)]
    index += [
        slice(dilation * (1 + step), dilation * (1 + step) + size) for step, size in zip(offset, shape, strict=True)
    ]
    return padded[tuple(index)]
