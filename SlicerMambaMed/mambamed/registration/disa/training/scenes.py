"""Synthetic scenes: one random anatomy, seen in several contrasts on the same grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mambamed.registration.disa.training.contrasts import paint_contrast
from mambamed.registration.disa.training.fields import blurred_noise
from mambamed.registration.disa.training.shapes import random_labels

__all__ = ["draw_scene"]

_SMALLEST_STRUCTURE = 0.9


def draw_scene(rng: np.random.Generator, side: int, contrasts: int = 2) -> NDArray[np.float32]:
    """Draw a scene.

    Args:
        rng: source of all draws; equal states give equal scenes.
        side: voxels along each axis.
        contrasts: how many images of the anatomy.

    Returns:
        (contrasts, side, side, side), float32.
    """
    labels = random_labels(rng, side)
    textures = [
        blurred_noise(rng, side, rng.uniform(_SMALLEST_STRUCTURE, 1.8)),
        blurred_noise(rng, side, rng.uniform(1.8, 4.0)),
    ]
    return np.stack([paint_contrast(rng, labels, textures) for _ in range(contrasts)])
