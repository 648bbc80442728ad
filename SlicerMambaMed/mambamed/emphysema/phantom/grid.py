"""The phantom's voxels in space: points of slabs and of boxes, for any spacing and direction."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

__all__ = ["Grid"]

_SLAB_VOXELS = 1_500_000


class Grid:
    """Voxels of a volume around a middle point.

    Args:
        size: Voxels along x, y, z.
        spacing_mm: Voxel size along x, y, z.
        direction: Nine direction cosines, row by row; None is the identity.
        centre_mm: Position of the volume's middle (LPS).
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        direction: tuple[float, ...] | None = None,
        centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self.shape = (size[2], size[1], size[0])
        self.spacing_mm = tuple(float(value) for value in spacing_mm)
        self.direction = np.eye(3) if direction is None else np.asarray(direction, dtype=float).reshape(3, 3)
        self.centre_mm = np.asarray(centre_mm, dtype=float)
        self._step = self.direction @ np.diag(self.spacing_mm)
        self._first = -self._step @ ((np.asarray(size, dtype=float) - 1.0) / 2.0)
        self._to_index = np.linalg.inv(self._step)

    @property
    def voxel_mm(self) -> float:
        """Side of a cube as large as a voxel."""
        return float(np.prod(self.spacing_mm) ** (1.0 / 3.0))

    def points(self, where: tuple[slice, slice, slice]) -> np.ndarray:
        """Return points (z, y, x, 3) in mm relative to the volume's middle, axes x, y, z of the patient, float32."""
        k, j, i = (np.arange(part.start, part.stop, dtype=np.float32) for part in where)
        step, first = self._step.astype(np.float32), self._first.astype(np.float32)
        along_k = k[:, None, None, None] * step[:, 2]
        return along_k + j[None, :, None, None] * step[:, 1] + (i[None, None, :, None] * step[:, 0] + first)

    def slabs(self) -> Iterator[tuple[slice, slice, slice]]:
        """Cut the volume along its first array axis into parts that fit memory easily."""
        depth = max(1, _SLAB_VOXELS // (self.shape[1] * self.shape[2]))
        for start in range(0, self.shape[0], depth):
            yield slice(start, min(start + depth, self.shape[0])), slice(0, self.shape[1]), slice(0, self.shape[2])

    def box(
        self, lowest_mm: np.ndarray, highest_mm: np.ndarray
    ) -> tuple[tuple[slice, slice, slice], np.ndarray] | None:
        """Return the voxels around a box given in mm: slices and points; None if there are none."""
        corners = np.asarray(list(itertools.product(*zip(lowest_mm, highest_mm, strict=True))))
        index = (corners - self._first) @ self._to_index.T
        start = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)[::-1]
        stop = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, np.asarray(self.shape)[::-1])[::-1]
        if np.any(stop <= start):
            return None
        where = (slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2]))
        return where, self.points(where)

    def image(self, array: np.ndarray) -> sitk.Image:
        """Return an array (z, y, x) as an image with this geometry."""
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.spacing_mm)
        image.SetDirection([float(value) for value in self.direction.ravel()])
        image.SetOrigin([float(value) for value in self._first + self.centre_mm])
        return image
