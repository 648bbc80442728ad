"""Paint a label map as an image: intensities, textures, partial volume, bias, noise, range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from mambamed.registration.disa.training.fields import blurred_noise
from mambamed.registration.disa.training.fields import smooth_field
from mambamed.registration.disa.training.ultrasound import as_ultrasound

__all__ = ["as_part_of_a_volume", "draw_palette", "paint_contrast", "standardised"]

_ULTRASOUND_SHARE = 0.2
_CT_SHARE = 0.25
_LOW_CONTRAST_SHARE = 0.2


def paint_contrast(
    rng: np.random.Generator, labels: NDArray[np.uint8], textures: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """One random contrast of a scene.

    Args:
        rng: source of all draws.
        labels: (S, S, S).
        textures: fields (S, S, S) that all contrasts of the scene share: fine anatomy, seen by each contrast in each
            label with another strength and sign.

    Returns:
        (S, S, S): roughly mean 0 and standard deviation 1, shifted and scaled as parts of normalised volumes are.
    """
    count = int(labels.max()) + 1
    side = labels.shape[0]
    image = draw_palette(rng, count)[labels]
    for texture in textures:
        strength = rng.normal(0.0, rng.uniform(0.0, 0.3), count) * (rng.random(count) < 0.6)
        image += strength.astype(np.float32)[labels] * texture
    image = gaussian_filter(image, rng.uniform(0.3, 1.1), mode="nearest", truncate=2.5)
    if rng.random() < _ULTRASOUND_SHARE:
        image = as_ultrasound(rng, standardised(image))
    elif rng.random() < 0.5:
        image *= np.exp(rng.uniform(0.0, 0.3) * smooth_field(rng, side, 3))
    image = standardised(image)
    noise = rng.uniform(0.0, 0.25) ** 1.5
    image += noise * blurred_noise(rng, side, rng.uniform(0.0, 1.2))
    return as_part_of_a_volume(rng, standardised(image))


def draw_palette(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Mean intensity of every label: any (MR), or air, bone and soft tissues close together (CT)."""
    palette = rng.uniform(-1.0, 1.0, count)
    if rng.random() < _CT_SHARE:
        palette = rng.uniform(-0.12, 0.12, count)
        extremes = rng.random(count) < 0.3
        palette[extremes] = rng.choice([-1.0, -0.25, 1.0], int(extremes.sum())) * rng.uniform(0.6, 1.0)
    elif count > 2 and rng.random() < 0.4:
        # Two parts look alike in this contrast: an edge of the other one is missing here.
        first, second = rng.choice(count, 2, replace=False)
        palette[first] = palette[second]
    return palette.astype(np.float32)


def as_part_of_a_volume(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Random sign, scale and shift: volumes are normalised as a whole, so parts of them have other moments."""
    if rng.random() < _LOW_CONTRAST_SHARE:
        scale = np.exp(rng.uniform(np.log(0.1), np.log(0.8)))
    else:
        scale = np.exp(rng.normal(0.0, 0.35))
    sign = rng.choice([-1.0, 1.0])
    return np.asarray(sign * scale * image + rng.normal(0.0, 0.4), np.float32)


def standardised(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 and standard deviation 1 (at most the mean is taken from a constant image)."""
    return np.asarray((image - image.mean()) / max(float(image.std()), 1e-3), np.float32)
