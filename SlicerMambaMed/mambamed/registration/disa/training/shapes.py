"""Random label maps: few large parts with the shapes that anatomy has, on warped coordinates."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from mambamed.registration.disa.training.fields import smooth_field

__all__ = ["draw_objects", "paint_labels", "random_labels"]


_HALF_SPACE, _ELLIPSOID, _SHELL, _SHEET, _TUBE = range(5)
_KIND_SHARES = (0.15, 0.3, 0.2, 0.2, 0.15)


def random_labels(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """A cubic label map (side, side, side) with 3 to 8 parts besides the background 0; later parts hide earlier ones.

    The coordinates are bent by a smooth random field, so planes become sheets with folds and cylinders become vessels.
    """
    bend = rng.uniform(0.0, 5.0)
    warp = np.stack([bend * smooth_field(rng, side, int(rng.integers(3, 7))) for _ in range(3)])
    objects, sizes = draw_objects(rng, side)
    labels = np.zeros((side,) * 3, np.uint8)
    paint_labels(labels, warp.astype(np.float32), objects, sizes)
    return labels


def draw_objects(rng: np.random.Generator, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw 3 to 8 objects: (N, 14) kind, label, centre and rotation, and (N, 4) sizes in voxels."""
    count = int(rng.integers(3, 9))
    objects = np.zeros((count, 14), np.float32)
    sizes = np.zeros((count, 4), np.float32)
    for index in range(count):
        kind = int(rng.choice(5, p=_KIND_SHARES))
        objects[index, 0] = kind
        objects[index, 1] = index + 1
        objects[index, 2:5] = rng.uniform(0.0, side - 1.0, 3)
        objects[index, 5:14] = _random_rotation(rng).ravel()
        if kind in (_ELLIPSOID, _SHELL):
            sizes[index, :3] = np.exp(rng.uniform(np.log(3.5), np.log(24.0))) * np.exp(rng.uniform(-0.5, 0.5, 3))
            sizes[index, 3] = rng.uniform(1.5, 5.0)
        elif kind == _SHEET:
            sizes[index, 0] = rng.uniform(0.8, 4.0)
            sizes[index, 1] = rng.normal(0.0, 0.015)
        elif kind == _TUBE:
            sizes[index, 0] = rng.uniform(1.2, 5.0)
    return objects, sizes


@numba.njit(cache=True, fastmath=True, nogil=True)
def paint_labels(
    labels: NDArray[np.uint8], warp: NDArray[np.float32], objects: NDArray[np.float32], sizes: NDArray[np.float32]
) -> None:
    """Write into ``labels`` (X, Y, Z) the label of the last object that holds each point, ``warp`` (3, X, Y, Z) added.

    Kinds: half space; ellipsoid; shell of an ellipsoid (sizes[3] voxels thick); curved sheet; tube.
    """
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            for k in range(labels.shape[2]):
                x = i + warp[0, i, j, k]
                y = j + warp[1, i, j, k]
                z = k + warp[2, i, j, k]
                for n in range(objects.shape[0] - 1, -1, -1):
                    dx = x - objects[n, 2]
                    dy = y - objects[n, 3]
                    dz = z - objects[n, 4]
                    u = objects[n, 5] * dx + objects[n, 6] * dy + objects[n, 7] * dz
                    v = objects[n, 8] * dx + objects[n, 9] * dy + objects[n, 10] * dz
                    w = objects[n, 11] * dx + objects[n, 12] * dy + objects[n, 13] * dz
                    kind = int(objects[n, 0])
                    inside = False
                    if kind == 0:
                        inside = u > 0.0
                    elif kind <= 2:
                        a, b, c = sizes[n, 0], sizes[n, 1], sizes[n, 2]
                        radius = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (w / c) ** 2)
                        inside = radius < 1.0
                        if kind == 2 and inside:
                            inside = radius > 1.0 - sizes[n, 3] / min(a, b, c)
                    elif kind == 3:
                        inside = abs(u + sizes[n, 1] * (v * v + w * w)) < sizes[n, 0]
                    else:
                        inside = v * v + w * w < sizes[n, 0] ** 2
                    if inside:
                        labels[i, j, k] = int(objects[n, 1])
                        break


def _random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """A uniformly distributed rotation matrix (sign of the determinant aside, which these shapes do not feel)."""
    matrix, upper = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.asarray(matrix * np.sign(np.diag(upper)))
