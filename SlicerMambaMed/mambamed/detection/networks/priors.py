"""The boxes from which the detector starts: one square per cell of the pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["grid_priors", "prior_shift_factors"]

_SIDE_IN_STRIDES = 4
_SHIFT_UNIT_PX = 256  # the factor of the finest level is 1 at this image size


def grid_priors(
    shapes: Sequence[tuple[int, int]], strides: Sequence[float], device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return the priors of all levels, in order, each level row by row.

    Args:
        shapes: rows and columns of each level.
        strides: pixels between neighbouring cells of each level.
        device: of the result.

    Returns:
        (P, 5) squares of side 4 x stride and angle 0, centred at the cell's index times the stride, pixels; and (P,)
        int64, the level of each, 0 for the first.
    """
    boxes = []
    levels = []
    for level, ((rows, columns), stride) in enumerate(zip(shapes, strides, strict=True)):
        y, x = torch.meshgrid(
            torch.arange(rows, device=device, dtype=torch.float32) * stride,
            torch.arange(columns, device=device, dtype=torch.float32) * stride,
            indexing="ij",
        )
        side = torch.full_like(x, _SIDE_IN_STRIDES * stride)
        boxes.append(torch.stack((x, y, side, side, torch.zeros_like(x)), dim=-1).reshape(-1, 5))
        levels.append(torch.full((rows * columns,), level, device=device))
    return torch.cat(boxes), torch.cat(levels)


def prior_shift_factors(levels: Tensor, image_size_px: float) -> Tensor:
    """Return how many pixels each prior moves for a mean learned offset of one cell.

    Args:
        levels: (P,), 0 for the level of stride 8.
        image_size_px: the longer side of the image.

    Returns:
        (P,): (image size / 256) x 2^level.
    """
    return image_size_px / _SHIFT_UNIT_PX * torch.exp2(levels.to(torch.float32))
