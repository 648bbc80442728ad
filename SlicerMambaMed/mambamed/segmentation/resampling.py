"""Resampling of preprocessed images and of logits, equal to nnunetv2's but separable and in float32.

nnunetv2's ``resample_data_or_seg_to_shape`` calls ``skimage.transform.resize``, which for cubic splines evaluates 64
products per voxel in float64. The interpolation is separable, so one small matrix per axis gives the same numbers.
Each matrix is made by resizing the unit matrix with skimage itself, so boundary rule and spline filter are theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from functools import lru_cache
from functools import partial
from typing import Any

import numpy as np
import torch
from nnunetv2.preprocessing.resampling.default_resampling import determine_do_sep_z_and_axis
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
from skimage.transform import resize
from torch import Tensor

__all__ = [
    "AxisMatrices",
    "apply_along",
    "axis_matrices",
    "axis_matrix",
    "is_standard_resampling",
    "resample_intensities",
]

AxisMatrices = tuple[Tensor, Tensor, Tensor]
"""One matrix (output length, input length) per array axis, in float32."""


def axis_matrix(length_in: int, length_out: int, order: int) -> Tensor:
    """Return the matrix that resizes one axis as ``skimage.transform.resize(mode="edge", anti_aliasing=False)`` does.

    Args:
        length_in: Samples before.
        length_out: Samples after.
        order: Spline order, 0 (nearest) to 5.

    Returns:
        (length_out, length_in), float32.
    """
    return _axis_matrix(int(length_in), int(length_out), int(order))


@lru_cache(maxsize=32)
def _axis_matrix(length_in: int, length_out: int, order: int) -> Tensor:
    if length_in == length_out:
        return torch.eye(length_in)
    if order == 0:
        # As scipy.ndimage.map_coordinates(order=0), which nnunetv2 uses for the thick axis: half goes up.
        positions = (length_in / length_out) * (np.arange(length_out) + 0.5) - 0.5
        nearest = np.clip(np.floor(positions + 0.5), 0, length_in - 1).astype(np.int64)
        return torch.eye(length_in)[torch.from_numpy(nearest)]
    matrix = resize(np.eye(length_in), (length_out, length_in), order, mode="edge", anti_aliasing=False, clip=False)
    return torch.from_numpy(matrix.astype(np.float32))


def axis_matrices(
    shape_in: Sequence[int],
    shape_out: Sequence[int],
    spacing_in: Sequence[float],
    spacing_out: Sequence[float],
    order: int,
    order_z: int = 0,
    force_separate_z: bool | None = None,
) -> AxisMatrices:
    """Return the matrices of the three axes, with nnunetv2's rule for anisotropic images.

    Args:
        shape_in: Array shape before.
        shape_out: Array shape after.
        spacing_in: Spacing before, in array order.
        spacing_out: Spacing after, in array order.
        order: Spline order.
        order_z: Spline order along the thick axis, where an image is strongly anisotropic.
        force_separate_z: Treat the thick axis apart; None decides by the ratio of spacings.
    """
    separate, thick_axis = determine_do_sep_z_and_axis(force_separate_z, spacing_in, spacing_out)
    orders = [order_z if separate and axis == thick_axis else order for axis in range(3)]
    first, second, third = (axis_matrix(*item) for item in zip(shape_in, shape_out, orders, strict=True))
    return first, second, third


def is_standard_resampling(function: Callable[..., Any]) -> bool:
    """Tell whether a plan's resampling is nnunetv2's default, which the matrices reproduce."""
    return (
        isinstance(function, partial)
        and function.func is resample_data_or_seg_to_shape
        and not function.keywords.get("is_seg", False)
        and set(function.keywords) <= {"is_seg", "order", "order_z", "force_separate_z"}
    )


def resample_intensities(
    function: Callable[..., Any],
    data: np.ndarray,
    shape_out: Sequence[int],
    spacing_in: Sequence[float],
    spacing_out: Sequence[float],
) -> np.ndarray:
    """Resample image channels as the plan says, by matrices where they give the same.

    Args:
        function: The plan's ``resampling_fn_data``.
        data: (channels, z, y, x), float32.
        shape_out: Shape after.
        spacing_in: Spacing before, in array order.
        spacing_out: Spacing after, in array order.

    Returns:
        (channels, *shape_out), float32.
    """
    shape_out = [int(length) for length in shape_out]
    if list(data.shape[1:]) == shape_out:
        return data
    if not is_standard_resampling(function):
        return np.asarray(function(data, shape_out, spacing_in, spacing_out))
    options = function.keywords  # type: ignore[attr-defined]
    order = options.get("order", 3)
    order_z = options.get("order_z", 0)
    force = options.get("force_separate_z", False)
    separate, thick_axis = determine_do_sep_z_and_axis(force, spacing_in, spacing_out)
    if separate and order_z > 1:
        # map_coordinates filters along all axes there, which is no longer a product of three resizes.
        return np.asarray(function(data, shape_out, spacing_in, spacing_out))
    matrices = axis_matrices(data.shape[1:], shape_out, spacing_in, spacing_out, order, order_z, force)
    result = np.empty((data.shape[0], *shape_out), dtype=data.dtype)
    for channel in range(data.shape[0]):
        image = torch.from_numpy(data[channel]).to(torch.float32)
        result[channel] = _resize_channel(image, matrices, int(thick_axis) if separate else None).numpy()
    return result


def _resize_channel(image: Tensor, matrices: AxisMatrices, thick_axis: int | None) -> Tensor:
    """Resize (z, y, x); the result is clipped to the range of its input, as skimage does (splines overshoot).

    Where the thick axis is treated apart, nnunetv2 resizes and clips slice by slice, then samples the thick axis.
    """
    inner = [axis for axis in range(3) if axis != thick_axis]
    lowest = image.amin(dim=inner, keepdim=True)
    highest = image.amax(dim=inner, keepdim=True)
    for axis in inner:
        image = apply_along(image, matrices[axis], axis)
    image = image.clamp(lowest, highest)
    return image if thick_axis is None else apply_along(image, matrices[thick_axis], thick_axis)


def apply_along(image: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Multiply one of the last three axes by a matrix.

    Args:
        image: (..., z, y, x), float32.
        matrix: (length out, length in).
        axis: 0, 1 or 2 for z, y, x.

    Returns:
        The image with the new length along that axis.
    """
    if matrix.shape[0] == matrix.shape[1] and torch.equal(matrix, torch.eye(matrix.shape[0], device=matrix.device)):
        return image
    if axis == 2:
        return image @ matrix.T
    if axis == 1:
        return matrix @ image
    flat = image.flatten(-2)
    return (matrix @ flat).unflatten(-1, image.shape[-2:])
