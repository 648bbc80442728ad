"""A rough ultrasound look: speckle, echoes of interfaces, attenuation and shadows along the beam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mambamed.registration.disa.training.fields import blurred_noise

__all__ = ["as_ultrasound"]


def as_ultrasound(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn an image (mean 0, standard deviation 1) into one that ultrasound might show of the same anatomy.

    The brightness of a point is its tissue's echogenicity and the echo of interfaces across the beam, times speckle
    (magnitude of a complex Gaussian field), darkened behind strong interfaces, logarithmically compressed.

    Args:
        rng: source of all draws.
        image: (S, S, S); the beam runs along one of the axes.

    Returns:
        (S, S, S), any range.
    """
    axis = int(rng.integers(3))
    beam = np.moveaxis(image if rng.random() < 0.5 else np.flip(image, axis), axis, 0)
    slope = np.abs(np.gradient(beam, axis=0))
    tissue = np.exp(rng.uniform(0.2, 1.0) * beam)
    brightness = rng.uniform(0.3, 1.0) * tissue + rng.uniform(0.5, 4.0) * slope
    if rng.random() < 0.5:
        loss = rng.uniform(0.0, 0.02) + rng.uniform(0.0, 0.4) * np.maximum(slope - rng.uniform(0.3, 1.0), 0.0)
        brightness = brightness * np.exp(-np.cumsum(loss, axis=0))
    sigma = rng.uniform(0.4, 1.1)
    side = image.shape[0]
    speckle = np.hypot(blurred_noise(rng, side, sigma), blurred_noise(rng, side, sigma))
    mixed = brightness * (1.0 + rng.uniform(0.1, 0.6) * (speckle / 1.25 - 1.0))
    compressed = np.log1p(rng.uniform(1.0, 8.0) * np.maximum(mixed, 0.0))
    return np.asarray(np.moveaxis(compressed, 0, axis), np.float32)
