"""Paint the parts of any label map with a random contrast, as SynthMorph does: every part its own intensity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mambamed.registration.disa.training.contrasts import draw_palette
from mambamed.registration.disa.training.fields import blurred_noise
from mambamed.registration.disa.training.fields import smooth_field
from mambamed.registration.networks.intensity import to_unit_range

__all__ = ["paint_freely"]

_PALETTE = 256
"""Intensities that are drawn; label maps have at most so many parts."""


def paint_freely(
    contrast: np.random.Generator, noise: np.random.Generator, parts: Tensor, blend: Callable[[Tensor], Tensor]
) -> Tensor:
    """Give every part a random intensity; add texture, blur, a bias field, noise and a random gamma.

    Args:
        contrast: source of the intensities.
        noise: source of all other draws.
        parts: (X, Y, Z) part at every voxel.
        blend: maps the intensities of all parts (N,) to an image (X, Y, Z) with partial volumes.

    Returns:
        (X, Y, Z), float32, 0 to 1.
    """
    shape = tuple(parts.shape)
    image = blend(torch.from_numpy(draw_palette(contrast, _PALETTE))).numpy()
    image = image + noise.uniform(0.0, 0.15) * blurred_noise(noise, shape, noise.uniform(0.5, 2.0))
    image = gaussian_filter(image, noise.uniform(0.0, 1.0), mode="nearest", truncate=2.5)
    image = image * np.exp(noise.uniform(0.0, 0.3) * smooth_field(noise, shape, 4))
    image = image + noise.uniform(0.0, 0.1) * noise.standard_normal(shape, dtype=np.float32)
    unit = to_unit_range(torch.from_numpy(np.asarray(image, np.float32)))
    return unit ** float(np.exp(noise.normal(0.0, 0.25)))
