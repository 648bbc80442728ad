"""Random structured volumes, moved by known transforms: the truth of registration tests is exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from mambamed.imaging.phantoms import rotation_direction


def structured_image(
    seed: int = 0, size: tuple[int, int, int] = (40, 46, 36), spacing_mm: float = 2.0, detail: float = 2.5
) -> sitk.Image:
    """A random volume with structures of about 10 mm, zero towards its borders, cubic voxels, oblique."""
    noise = np.random.default_rng(seed).normal(size=size[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(noise)
    for axis in range(3):
        if size[axis] >= 4:
            image = sitk.RecursiveGaussian(image, detail, direction=axis)
    array = sitk.GetArrayFromImage(image)
    window = np.einsum("i,j,k->ijk", *(np.hanning(count + 2)[1:-1] ** 0.5 for count in array.shape))
    image = sitk.GetImageFromArray((100.0 * array / array.std() * window).astype(np.float32))
    image.SetSpacing((spacing_mm,) * 3)
    image.SetDirection(rotation_direction((5, -10, 15)) if min(size) > 1 else rotation_direction((0, 0, 0)))
    image.SetOrigin((-40.0, 25.0, 10.0))
    return image


def moved_image(
    image: sitk.Image,
    truth: sitk.Transform,
    direction: Sequence[float] = (1, 0, 0, 0, 1, 0, 0, 0, 1),
    contrast: bool = True,
) -> sitk.Image:
    """The image M with M(truth(p)) = image(p), on another grid with the given direction, in another contrast."""
    extent = [count * step for count, step in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    spacing = np.array([1.9, 2.1, 1.8]) * image.GetSpacing()[0] / 2.0
    size = [
        1 if count == 1 else int(1.25 * max(extent) / step)
        for count, step in zip(image.GetSize(), spacing, strict=True)
    ]
    grid = sitk.Image(size, sitk.sitkFloat32)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection(direction)
    centre = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()])
    middle = grid.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in size])
    grid.SetOrigin([a - b for a, b in zip(truth.TransformPoint(centre), middle, strict=True)])
    inverse = truth.GetInverse() if truth.IsLinear() else truth
    moved = sitk.Resample(image, grid, inverse, sitk.sitkLinear, 0.0)
    return 500.0 - 2.0 * moved + 30.0 * sitk.Sin(0.02 * moved) if contrast else moved


def rigid_truth(degrees: Sequence[float], shift_mm: Sequence[float], image: sitk.Image) -> sitk.Euler3DTransform:
    """A rotation about the centre of the image, then a shift."""
    centre = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in image.GetSize()])
    return sitk.Euler3DTransform(centre, *np.radians(degrees).tolist(), tuple(float(value) for value in shift_mm))


def target_points(image: sitk.Image, count: int = 100) -> list[tuple[float, ...]]:
    """Random points within the inner part of an image, LPS mm."""
    indices = np.random.default_rng(1).uniform(0.2, 0.8, (count, 3)) * (np.array(image.GetSize()) - 1)
    return [image.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices]


def target_error_mm(found: sitk.Transform, truth: sitk.Transform, image: sitk.Image) -> float:
    """Mean distance of the two transforms over points within the image."""
    differences = [
        np.subtract(found.TransformPoint(point), truth.TransformPoint(point)) for point in target_points(image)
    ]
    return float(np.linalg.norm(differences, axis=1).mean())
