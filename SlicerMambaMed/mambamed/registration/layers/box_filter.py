"""Mean over a cube around every voxel, axis after axis (cost grows with the side, not with its cube)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional

__all__ = ["box_mean"]


def box_mean(volume: Tensor, radius: int, padding: Literal["replicate", "zeros"] = "replicate") -> Tensor:
    """Average ``volume`` over cubes of side ``2 * radius + 1``.

    Args:
        volume: shape (B, C, X, Y, Z), floating point.
        radius: half side in voxels; 0 returns the volume itself.
        padding: what lies outside the volume: its border voxels, or zeros that count in the mean.

    Returns:
        The local means, same shape.
    """
    if radius == 0:
        return volume
    side = 2 * radius + 1
    result = volume
    if padding == "replicate":
        result = functional.pad(result, (radius,) * 6, mode="replicate")
    else:
        result = functional.pad(result, (radius,) * 6)
    for axis in range(3):
        kernel = [1, 1, 1]
        kernel[axis] = side
        result = functional.avg_pool3d(result, kernel, stride=1)
    return result
