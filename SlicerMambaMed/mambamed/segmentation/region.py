"""A region of interest: which part of the preprocessed image the network runs over, which part of the result is kept.

The whole volume is preprocessed as usual and the windows keep their places; only those that touch the region are
computed. So the result in the region is exactly that of the whole volume, in less time and memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from mambamed.errors import BadRequestError
from mambamed.imaging.geometry import crop_box_for_region
from mambamed.segmentation.preparation import PreparedImage

__all__ = ["RegionPlan", "plan_region"]

_MARGIN_VOXELS = 2
"""Linear interpolation back to the input's grid reads one voxel beyond the region; one more for rounding."""


@dataclass(frozen=True)
class RegionPlan:
    """Boxes as one slice per array axis, in the network's axis order.

    Attributes:
        network_box: Part of the preprocessed image in which logits are needed.
        result_box: Part of the cropped original image to decide.
    """

    network_box: tuple[slice, ...]
    result_box: tuple[slice, ...]


def plan_region(
    prepared: PreparedImage,
    plans_manager: PlansManager,
    region_lps_mm: Sequence[float] | None,
) -> RegionPlan:
    """Find the parts of the arrays that a region in space takes.

    Args:
        prepared: Preprocessed image with its geometry.
        plans_manager: For the order of axes.
        region_lps_mm: xmin, xmax, ymin, ymax, zmin, zmax in mm, or None for everything.

    Raises:
        BadRequestError: The region lies outside the volume, or where the volume is empty.
    """
    cropped_shape = [int(length) for length in prepared.properties["shape_after_cropping_and_before_resampling"]]
    network_shape = [int(length) for length in prepared.data.shape[1:]]
    if region_lps_mm is None:
        return RegionPlan(
            tuple(slice(0, length) for length in network_shape), tuple(slice(0, length) for length in cropped_shape)
        )
    start, stop = crop_box_for_region(prepared.working, region_lps_mm)
    if len(start) == 2:
        start, stop = (*start, 0), (*stop, 1)
    # Image order (x, y, z) -> array order (z, y, x) -> the network's order of axes.
    forward = plans_manager.transpose_forward
    starts = [start[::-1][axis] for axis in forward]
    stops = [stop[::-1][axis] for axis in forward]
    result_box = []
    network_box = []
    for axis in range(3):
        crop_start, crop_stop = prepared.properties["bbox_used_for_cropping"][axis]
        low = max(starts[axis], crop_start) - crop_start
        high = min(stops[axis], crop_stop) - crop_start
        if high <= low:
            raise BadRequestError("The volume holds only zeros in the region of interest; move or enlarge the region.")
        result_box.append(slice(low, high))
        network_box.append(_grown(low, high, cropped_shape[axis], network_shape[axis]))
    return RegionPlan(tuple(network_box), tuple(result_box))


def _grown(low: int, high: int, length: int, network_length: int) -> slice:
    """Scale [low, high) to the network's grid and add the margin."""
    scale = network_length / length
    start = math.floor(low * scale) - _MARGIN_VOXELS
    stop = math.ceil(high * scale) + _MARGIN_VOXELS
    return slice(max(0, start), min(network_length, stop))
