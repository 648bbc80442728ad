"""A sampling grid in physical space, and the matrices between its indices and millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

__all__ = ["GridGeometry"]


@dataclass(frozen=True)
class GridGeometry:
    """Size, spacing, origin and direction of a 3D grid, as SimpleITK has them (LPS, millimetres).

    Tensors on the grid have the axes X, Y, Z in the order of the image indices i, j, k (SimpleITK's arrays are
    reversed).

    Attributes:
        size: number of samples along i, j, k.
        spacing_mm: distance of samples along i, j, k.
        origin_mm: physical position of sample (0, 0, 0).
        direction: 3 x 3 direction cosines, row by row; columns are the physical directions of i, j, k.
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]

    @classmethod
    def of_image(cls, image: sitk.Image) -> GridGeometry:
        """Take the grid of a 3D image."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    def index_to_physical(self) -> np.ndarray:
        """4 x 4 matrix from homogeneous indices (i, j, k, 1) to LPS millimetres."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return matrix

    def physical_to_index(self) -> np.ndarray:
        """4 x 4 matrix from LPS millimetres to indices."""
        return np.linalg.inv(self.index_to_physical())

    def centre_mm(self) -> np.ndarray:
        """Physical position of the middle of the grid, shape (3,)."""
        middle = [(size - 1) / 2 for size in self.size]
        return (self.index_to_physical() @ np.array([*middle, 1.0]))[:3]

    def strided(self, stride: int) -> GridGeometry:
        """The grid of every ``stride``-th sample, beginning with the first."""
        first, second, third = (-(-count // stride) for count in self.size)
        x_mm, y_mm, z_mm = (step * stride for step in self.spacing_mm)
        return replace(self, size=(first, second, third), spacing_mm=(x_mm, y_mm, z_mm))

    def padded(self, margin: int | Sequence[int]) -> GridGeometry:
        """The grid with ``margin`` more samples (one number, or one per axis) on both sides of each axis."""
        cells = [margin] * 3 if isinstance(margin, int) else list(margin)
        first = self.index_to_physical() @ np.array([*(-count for count in cells), 1.0])
        x, y, z = (count + 2 * extra for count, extra in zip(self.size, cells, strict=True))
        return replace(self, size=(x, y, z), origin_mm=(float(first[0]), float(first[1]), float(first[2])))

    def isotropic(self, spacing_mm: float) -> GridGeometry:
        """A grid of cubic voxels over the same extent, centred on it; an axis with one sample stays as it is."""
        kept = [count == 1 for count in self.size]
        extent = [count * step for count, step in zip(self.size, self.spacing_mm, strict=True)]
        size = [1 if keep else max(1, round(length / spacing_mm)) for keep, length in zip(kept, extent, strict=True)]
        spacing = [own if keep else spacing_mm for keep, own in zip(kept, self.spacing_mm, strict=True)]
        matrix = np.reshape(self.direction, (3, 3)) * np.asarray(spacing)
        origin = self.centre_mm() - matrix @ ((np.asarray(size) - 1) / 2)
        return GridGeometry(
            size=(size[0], size[1], size[2]),
            spacing_mm=(spacing[0], spacing[1], spacing[2]),
            origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
            direction=self.direction,
        )
