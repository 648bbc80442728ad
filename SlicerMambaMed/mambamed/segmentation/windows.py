"""Where the windows lie and how much each of their voxels counts: nnunetv2's positions and Gaussian weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import torch
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from nnunetv2.inference.sliding_window_prediction import compute_steps_for_sliding_window
from torch import Tensor

__all__ = ["Window", "gaussian_weights", "mirror_combinations", "window_positions"]

Window = tuple[slice, ...]
"""One slice per array axis; 2D windows have a slice of length 1 along the first axis."""


def window_positions(image_shape: Sequence[int], patch_size: Sequence[int], step_size: float) -> list[Window]:
    """List the windows that cover an image.

    Args:
        image_shape: (z, y, x), at least as large as the patch.
        patch_size: Window size, 3 values, or 2 for slice-by-slice windows.
        step_size: Distance of windows as a fraction of the window, at most.

    Returns:
        Windows in the order in which nnunetv2 visits them.
    """
    if len(patch_size) == 2:
        steps = compute_steps_for_sliding_window(tuple(image_shape[1:]), tuple(patch_size), step_size)
        planes: list[Window] = []
        for plane, *starts in itertools.product(range(image_shape[0]), *steps):
            in_plane = [slice(start, start + length) for start, length in zip(starts, patch_size, strict=True)]
            planes.append((slice(plane, plane + 1), *in_plane))
        return planes
    steps = compute_steps_for_sliding_window(tuple(image_shape), tuple(patch_size), step_size)
    return [
        tuple(slice(start, start + length) for start, length in zip(starts, patch_size, strict=True))
        for starts in itertools.product(*steps)
    ]


@lru_cache(maxsize=2)
def gaussian_weights(patch_size: tuple[int, ...], device: torch.device) -> Tensor:
    """Return nnunetv2's weights of a window's voxels: a Gaussian of sigma patch/8, at most 10, never 0.

    Args:
        patch_size: Window size.
        device: Where to put them.

    Returns:
        float16 tensor of the window's size.
    """
    return compute_gaussian(patch_size, sigma_scale=1.0 / 8, value_scaling_factor=10, device=device)


def mirror_combinations(axes: Sequence[int] | None) -> list[tuple[int, ...]]:
    """List the sets of spatial axes to mirror; the first is empty (the image as it is).

    Args:
        axes: Spatial axes (0 is the first of the window) that may be mirrored; None or empty mirrors nothing.
    """
    axes = tuple(axes or ())
    return [combination for count in range(len(axes) + 1) for combination in itertools.combinations(axes, count)]
