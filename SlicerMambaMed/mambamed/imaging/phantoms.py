"""Small synthetic volumes with known labels, for tests and self-checks; everything is a function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

__all__ = ["ellipsoid_phantom", "picture_phantom", "rotation_direction"]

_ELLIPSOIDS = (
    # centre and radii as fractions of the field of view (x, y, z); label; intensity
    ((0.50, 0.50, 0.50), (0.42, 0.40, 0.44), 1, 300.0),
    ((0.40, 0.55, 0.45), (0.22, 0.18, 0.26), 2, 620.0),
    ((0.64, 0.42, 0.60), (0.11, 0.15, 0.12), 3, 900.0),
)


def rotation_direction(degrees_xyz: Sequence[float]) -> tuple[float, ...]:
    """Direction cosines of a grid turned about x, then y, then z.

    Args:
        degrees_xyz: Angles in degrees.

    Returns:
        Nine numbers, row by row, as ``SimpleITK.Image.SetDirection`` takes them.
    """
    transform = sitk.Euler3DTransform((0.0, 0.0, 0.0), *[float(value) for value in np.radians(degrees_xyz)])
    return tuple(transform.GetMatrix())


def ellipsoid_phantom(
    size: Sequence[int] = (37, 43, 29),
    spacing_mm: Sequence[float] = (1.1, 0.9, 1.7),
    origin_mm: Sequence[float] = (-20.0, 11.0, 5.0),
    direction: Sequence[float] | None = None,
    noise: float = 12.0,
    seed: int = 0,
) -> tuple[sitk.Image, sitk.Image]:
    """Make a volume with three nested or disjoint ellipsoids that have no mirror symmetry.

    Args:
        size: Voxels along x, y, z.
        spacing_mm: Voxel size along x, y, z.
        origin_mm: Position of the first voxel (LPS).
        direction: Nine direction cosines; None is the identity.
        noise: Standard deviation of the added normal noise.
        seed: Seed of the noise.

    Returns:
        Float32 image, and uint8 labels 0 (background) to 3 on the same grid.
    """
    z, y, x = np.meshgrid(*[(np.arange(length) + 0.5) / length for length in reversed(size)], indexing="ij")
    intensity = np.full(x.shape, 40.0)
    labels = np.zeros(x.shape, dtype=np.uint8)
    for centre, radii, label, value in _ELLIPSOIDS:
        distance = sum(
            ((axis - middle) / radius) ** 2 for axis, middle, radius in zip((x, y, z), centre, radii, strict=True)
        )
        labels[distance <= 1.0] = label
        intensity[distance <= 1.0] = value
    intensity += 60.0 * x + 25.0 * y * z
    intensity += np.random.default_rng(seed).normal(0.0, noise, intensity.shape)
    images = []
    for array in (intensity.astype(np.float32), labels):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing([float(value) for value in spacing_mm])
        image.SetOrigin([float(value) for value in origin_mm])
        if direction is not None:
            image.SetDirection([float(value) for value in direction])
        images.append(image)
    return images[0], images[1]


def picture_phantom(size: Sequence[int] = (67, 53), channels: int = 1, seed: int = 0) -> tuple[sitk.Image, sitk.Image]:
    """Make a 2D picture (8 bit) with two discs.

    Args:
        size: Pixels along x and y.
        channels: 1 for grey, 3 for colour.
        seed: Seed of the noise.

    Returns:
        Picture and uint8 labels 0 to 2.
    """
    y, x = np.meshgrid(*[(np.arange(length) + 0.5) / length for length in reversed(size)], indexing="ij")
    labels = np.zeros(x.shape, dtype=np.uint8)
    labels[(x - 0.35) ** 2 + (y - 0.4) ** 2 < 0.05] = 1
    labels[(x - 0.7) ** 2 + (y - 0.65) ** 2 < 0.03] = 2
    generator = np.random.default_rng(seed)
    planes = [
        np.clip(40 + labels * (60 + 20 * channel) + generator.normal(0, 6, labels.shape), 0, 255)
        for channel in range(channels)
    ]
    if channels == 1:
        picture = sitk.GetImageFromArray(planes[0].astype(np.uint8))
    else:
        picture = sitk.GetImageFromArray(np.stack(planes, axis=-1).astype(np.uint8), isVector=True)
    return picture, sitk.GetImageFromArray(labels)
