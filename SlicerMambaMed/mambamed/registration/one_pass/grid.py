"""The grid on which a network sees a pair, in fixed space, and the images on it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.registration.disa.prepare import smooth_for_spacing
from mambamed.registration.field_of_view import tissue_mask
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.one_pass.head_place import head_middle_mm
from mambamed.registration.pair import ImagePair

__all__ = ["fixed_on_grid", "moving_on_grid", "network_grid"]

_UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def network_grid(pair: ImagePair, description: NetworkDescription) -> GridGeometry:
    """Place a network's grid in fixed space, its axes along those of the patient (LPS), however the image is stored.

    Its middle is that of the fixed mask's box; without a mask, for a network of heads the brain's estimated middle,
    for others that of the fixed volume, moved towards the tissue along axes on which the grid does not hold all of it.

    Args:
        pair: checked images.
        description: shape, spacing and where the network expects the head.
    """
    shape = description.grid_shape
    spacing_mm = (float(description.spacing_mm),) * 3
    half = (np.array(shape) - 1) / 2 * spacing_mm
    first = _middle_mm(pair, description, 2 * half + spacing_mm) - half
    return GridGeometry(shape, spacing_mm, (float(first[0]), float(first[1]), float(first[2])), _UPRIGHT)


def _middle_mm(pair: ImagePair, description: NetworkDescription, extent_mm: np.ndarray) -> np.ndarray:
    if pair.fixed_mask is not None:
        low, high = _box_mm(pair.fixed_mask)
        return (low + high) / 2
    if description.middle_below_top_mm is not None:
        middle = head_middle_mm(pair.fixed, description.middle_below_top_mm)
        if middle is not None:
            return middle
    low, high = _corners_mm(GridGeometry.of_image(pair.fixed))
    too_small = high - low > extent_mm
    tissue = tissue_mask(pair.fixed) if too_small.any() else None
    if tissue is None:
        return (low + high) / 2
    index = np.argwhere(sitk.GetArrayViewFromImage(tissue) > 0).mean(axis=0)[::-1]
    centre = np.array(tissue.TransformContinuousIndexToPhysicalPoint(index.tolist()))
    inside = np.clip(centre, low + extent_mm / 2, np.maximum(high - extent_mm / 2, low + extent_mm / 2))
    return np.where(too_small, inside, (low + high) / 2)


def fixed_on_grid(pair: ImagePair, grid: GridGeometry) -> tuple[Tensor, Tensor]:
    """The fixed volume on the grid: values and where they count (inside volume and mask), (1, 1, X, Y, Z) each."""
    return _sampled(pair.fixed, pair.fixed_mask, sitk.Transform(3, sitk.sitkIdentity), grid)


def moving_on_grid(pair: ImagePair, linear: sitk.Transform, grid: GridGeometry) -> tuple[Tensor, Tensor]:
    """The moving volume on the grid after a linear transform fixed -> moving (LPS mm), as ``fixed_on_grid``."""
    return _sampled(pair.moving, pair.moving_mask, linear, grid)


def _sampled(
    image: sitk.Image, mask: sitk.Image | None, transform: sitk.Transform, grid: GridGeometry
) -> tuple[Tensor, Tensor]:
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(grid.size)
    resampler.SetOutputSpacing(grid.spacing_mm)
    resampler.SetOutputOrigin(grid.origin_mm)
    resampler.SetOutputDirection(grid.direction)
    resampler.SetTransform(transform)
    if mask is None:
        mask = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
        mask.CopyInformation(image)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    inside = resampler.Execute(mask)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    values = resampler.Execute(smooth_for_spacing(image, min(grid.spacing_mm)))
    return _as_tensor(values).float(), _as_tensor(inside).float()


def _as_tensor(image: sitk.Image) -> Tensor:
    return torch.from_numpy(sitk.GetArrayFromImage(image).transpose(2, 1, 0).copy())[None, None]


def _box_mm(mask: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner, LPS mm, of the box around the voxels of a mask."""
    indices = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)[:, ::-1]
    matrix = GridGeometry.of_image(mask).index_to_physical()
    places = indices @ matrix[:3, :3].T + matrix[:3, 3]
    return places.min(axis=0), places.max(axis=0)


def _corners_mm(geometry: GridGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner, LPS mm, of the box around a grid's voxels."""
    ends = np.array(
        [
            [(-0.5, count - 0.5)[bit] for bit, count in zip(bits, geometry.size, strict=True)]
            for bits in np.ndindex(2, 2, 2)
        ]
    )
    matrix = geometry.index_to_physical()
    places = ends @ matrix[:3, :3].T + matrix[:3, 3]
    return places.min(axis=0), places.max(axis=0)
