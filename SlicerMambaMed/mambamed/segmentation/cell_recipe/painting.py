"""Paint instances as a microscope might show them: glowing, stained, or by phase, with blur, shading and noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import gaussian_filter
from scipy.ndimage import zoom

__all__ = ["LOOKS", "paint_cells"]

LOOKS = ("glow", "membrane", "stain", "smear", "phase")
"""Fluorescent bodies, fluorescent rims, stained bodies, blood smear (pale centres), phase contrast (halos)."""


def paint_cells(random: np.random.Generator, instances: np.ndarray, radius_px: float, look: str) -> np.ndarray:
    """Return the picture of (Y, X) instances as uint8.

    Args:
        random: Source of every draw.
        instances: 0 for background, one number per cell.
        radius_px: Typical radius of the cells; scales textures.
        look: One of ``LOOKS``.
    """
    shape = instances.shape
    count = int(instances.max())
    body = instances > 0
    depth = distance_transform_edt(_apart(instances)) / radius_px  # 0 outside and at the rim, about 1 in the middle
    own = _per_cell(random, count, random.uniform(0.05, 0.45))[instances]  # each cell's own brightness, near 1
    texture = 1.0 + random.uniform(0.05, 0.3) * _noise(random, shape, max(1.0, radius_px * random.uniform(0.1, 0.4)))
    if look == "glow":
        signal = own * texture * np.clip(depth * random.uniform(2, 8) + random.uniform(0.2, 0.9), 0, 1) * body
        spots = _noise(random, shape, max(0.8, radius_px / 6))
        signal = signal + body * np.clip(spots - 1.5, 0, 2) * random.choice([-0.4, 0.0, 0.6])
        base = random.uniform(0.02, 0.25)
    elif look == "membrane":
        rim = np.exp(-((depth * radius_px / random.uniform(1.2, 2.5)) ** 2)) * body
        signal = own * (rim + random.uniform(0.15, 0.6) * body * texture)
        base = random.uniform(0.02, 0.2)
    elif look == "stain":
        nucleus = depth > random.uniform(0.3, 0.6)
        signal = -own * texture * body * random.uniform(0.5, 1.0) - nucleus * own * random.choice([0.0, 0.5, 0.9])
        base = 1.5
    elif look == "smear":
        pale = 1.0 - random.uniform(0.1, 0.8) * np.clip((depth - 0.35) * 2.5, 0, 1)
        signal = -own * pale * texture * body * random.uniform(0.5, 0.9)
        signal = signal - _some_cells(random, count, 0.15)[instances] * body * (depth > 0.25) * 0.8
        base = 1.5
    else:
        halo_px = random.uniform(1.5, 3.5)
        halo = np.exp(-((distance_transform_edt(~body) / halo_px) ** 2)) * ~body
        inside = random.choice([-1.0, 1.0]) * random.uniform(0.2, 0.7) * own * texture * body
        rim = np.exp(-((depth * radius_px / 1.5) ** 2)) * body * random.uniform(-0.9, 0.2)
        signal = inside + rim + random.uniform(0.2, 0.9) * halo
        base = 1.0
    picture = base + signal + _debris(random, shape) * random.choice([0.0, 0.3, 0.8]) * (1 if base < 1 else -1)
    return _through_microscope(random, picture)


def _apart(instances: np.ndarray) -> np.ndarray:
    """Cells without the pixels at which another cell begins, so that distances count from each cell's own rim."""
    body = instances > 0
    for axis in (0, 1):
        for step in (1, -1):
            neighbour = np.roll(instances, step, axis)
            body = body & ~((neighbour != instances) & (neighbour > 0) & (instances > 0))
    return body


def _per_cell(random: np.random.Generator, count: int, spread: float) -> np.ndarray:
    values = np.exp(random.normal(0.0, spread, count + 1))
    values[0] = 0.0
    return values


def _some_cells(random: np.random.Generator, count: int, share: float) -> np.ndarray:
    chosen = (random.random(count + 1) < share).astype(float)
    chosen[0] = 0.0
    return chosen


def _noise(random: np.random.Generator, shape: tuple[int, ...], scale_px: float) -> np.ndarray:
    """Smooth noise of standard deviation 1; coarse noise is drawn small and enlarged."""
    step = max(1, int(scale_px / 2))
    small = gaussian_filter(random.normal(size=[length // step + 3 for length in shape]), scale_px / step)
    large = zoom(small, step, order=1) if step > 1 else small
    large = large[: shape[0], : shape[1]]
    return np.asarray((large - large.mean()) / (large.std() + 1e-9))


def _debris(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Small bright specks that are no cells."""
    specks = (random.random(shape) < random.choice([0.0, 2e-4, 1e-3])).astype(float)
    spread = gaussian_filter(specks, random.uniform(0.7, 1.5))
    return spread / (spread.max() + 1e-9)


def _through_microscope(random: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Add out-of-focus light, uneven illumination, blur, noise and a random brightness curve; scale to 8 bits."""
    if random.random() < 0.4:
        picture = picture + random.uniform(0.1, 0.4) * (
            gaussian_filter(picture, random.uniform(4, 20)) - picture.mean()
        )
    if random.random() < 0.6:
        picture = picture + random.uniform(0.02, 0.25) * _noise(random, picture.shape, picture.shape[0] / 3)
    picture = gaussian_filter(picture, random.uniform(0.3, 1.4))
    spread = picture.std() + 0.05
    picture = picture + random.normal(size=picture.shape) * spread * 10 ** random.uniform(-1.7, -0.35)
    if random.random() < 0.3:
        picture = gaussian_filter(picture, random.uniform(0.4, 0.8))
    low, high = np.percentile(picture, [random.uniform(0, 1), random.uniform(99, 100)])
    scaled = np.clip((picture - low) / (high - low + 1e-9), 0, 1) ** np.exp(random.normal(0, 0.3))
    darkest = random.uniform(0, 60)
    return np.asarray(np.round(darkest + scaled * (random.uniform(120, 255) - darkest)), np.uint8)
