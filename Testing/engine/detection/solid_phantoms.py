"""Volumes and pictures with rectangular solids at known places in space, on any grid."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk


def rotation(axis: Sequence[float], angle_deg: float) -> np.ndarray:
    """Return the rotation about an axis (Rodrigues)."""
    x, y, z = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(angle_deg)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def volume_with_solids(
    grid: sitk.Image, solids: Sequence[tuple[Sequence[float], np.ndarray, Sequence[float], float]]
) -> sitk.Image:
    """Return a volume on a 3D grid; each solid is centre (LPS mm), axes (rows), sizes (mm) and value."""
    size = np.array(grid.GetSize())
    index = np.stack(np.meshgrid(*[np.arange(length) for length in size], indexing="ij"), axis=-1)
    matrix = np.array(grid.GetDirection()).reshape(3, 3) * np.array(grid.GetSpacing())
    points = index @ matrix.T + np.array(grid.GetOrigin())
    values = np.full(tuple(size), 5, dtype=np.int16)
    for centre, axes, sizes, value in solids:
        inside = (np.abs((points - np.asarray(centre)) @ np.asarray(axes).T) <= 0.5 * np.asarray(sizes)).all(axis=-1)
        values[inside] = value
    image = sitk.GetImageFromArray(values.transpose(2, 1, 0))
    image.CopyInformation(grid)
    return image


def empty_grid(
    size: Sequence[int], spacing_mm: Sequence[float], direction: np.ndarray, centre_lps_mm: Sequence[float]
) -> sitk.Image:
    """Return an empty image on a grid whose middle lies at a place in space."""
    image = sitk.Image(list(size), sitk.sitkInt16)
    image.SetSpacing(list(spacing_mm))
    image.SetDirection(direction.reshape(-1).tolist())
    middle = direction @ ((np.array(size) - 1) / 2 * np.array(spacing_mm))
    image.SetOrigin((np.asarray(centre_lps_mm) - middle).tolist())
    return image
