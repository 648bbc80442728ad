"""Volumes deformed by a known smooth field."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


def smooth_field(
    image: sitk.Image, strength_mm: float, seed: int = 0, sigma: float = 6.0
) -> sitk.DisplacementFieldTransform:
    """A random displacement field on the image's grid with the given largest length, 0 towards its borders."""
    generator = np.random.default_rng(seed)
    size = image.GetSize()[::-1]
    window = np.einsum("i,j,k->ijk", *(np.hanning(count + 2)[1:-1] if count > 1 else np.ones(1) for count in size))
    components = []
    for axis in range(3):
        noise = sitk.GetImageFromArray(generator.normal(size=size))
        for along in range(3):
            if image.GetSize()[along] >= 4:
                noise = sitk.RecursiveGaussian(noise, sigma, direction=along)
        flat = min(size) == 1 and axis == 2
        components.append(0.0 * window if flat else sitk.GetArrayFromImage(noise) * window)
    vectors = np.stack(components, axis=-1)
    vectors *= strength_mm / np.linalg.norm(vectors, axis=-1).max()
    field = sitk.GetImageFromArray(vectors, isVector=True)
    field.CopyInformation(image)
    return sitk.DisplacementFieldTransform(field)
