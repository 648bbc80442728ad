"""Gradient magnitude as LC2 uses it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["gradient_magnitude"]


def gradient_magnitude(volume: Tensor) -> Tensor:
    """Magnitude of the unnormalised central differences x[i+1] - x[i-1] (no factor 1/2), borders replicated.

    Args:
        volume: shape (B, 1, X, Y, Z).

    Returns:
        Same shape, in intensity per two voxels. Its derivative is taken as zero where the gradient vanishes.
    """
    padded = functional.pad(volume, (1,) * 6, mode="replicate")
    centre = slice(1, -1)
    differences = (
        padded[:, :, 2:, centre, centre] - padded[:, :, :-2, centre, centre],
        padded[:, :, centre, 2:, centre] - padded[:, :, centre, :-2, centre],
        padded[:, :, centre, centre, 2:] - padded[:, :, centre, centre, :-2],
    )
    if not (torch.is_grad_enabled() and volume.requires_grad):
        # Several times faster than the norm below.
        return torch.stack([difference.square_() for difference in differences]).sum(dim=0).sqrt_()
    # The norm of torch has the subgradient 0 at 0, where the square root of a sum would give NaN.
    return torch.linalg.vector_norm(torch.stack(differences), dim=0)
