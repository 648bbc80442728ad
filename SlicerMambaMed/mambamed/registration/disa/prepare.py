"""From an image to the normalised volume that the DISA network reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.imaging import check_image
from mambamed.imaging import reorient
from mambamed.registration.disa.continuation import continued_beyond
from mambamed.registration.geometry import GridGeometry

__all__ = ["WORKING_SPACING_MM", "PreparedVolume", "prepare_volume", "smooth_for_spacing"]

WORKING_SPACING_MM = 2.0
"""Spacing of the training volumes (DISA, section 3)."""

_MOST_VOXELS = 1024**3
_LEAST_SHARE = 0.2
"""Working voxels of which less lies inside a mask are taken from their neighbours."""


@dataclass(frozen=True)
class PreparedVolume:
    """A normalised volume with its grid.

    Attributes:
        tensor: (1, 1, X, Y, Z), float32, mean 0 and standard deviation 1 (inside the mask if one was given).
        geometry: the working grid, cubic voxels, axes along those of the patient (LPS) as nearly as the image's are.
    """

    tensor: Tensor
    geometry: GridGeometry


def prepare_volume(
    image: sitk.Image,
    spacing_mm: float | None = None,
    mask: sitk.Image | None = None,
    region: sitk.Image | None = None,
) -> PreparedVolume:
    """Orient, resample and normalise an image.

    The axes are first permuted and flipped to the nearest patient axes, so that volumes stored in different orders are
    described alike. Before a coarser spacing the image is smoothed (Gaussian whose width at half maximum is
    sqrt(working^2 - own^2)), then it is interpolated linearly. With a mask, values
    outside it contribute nothing, and the volume goes on beyond the mask with the nearest values inside.

    Args:
        image: scalar 3D image, LPS, millimetres.
        spacing_mm: working spacing; None means 2 mm. Both images of a registration need the same.
        mask: nothing shows but what lies where it is not 0, see ``continuation.py``; any grid.
        region: what lies where it is not 0 (and inside the mask) decides on mean and standard deviation; None means
            all; any grid.

    Returns:
        The prepared volume.

    Raises:
        BadRequestError: not a scalar 3D image, values that are not finite, a constant image, an empty mask or region,
            or a spacing that is not positive or that makes the volume absurdly large.
    """
    spacing = WORKING_SPACING_MM if spacing_mm is None else float(spacing_mm)
    if not np.isfinite(spacing) or spacing <= 0:
        raise BadRequestError(f"A working spacing of {spacing} mm was asked for; it must be a positive number.")
    check_image(image, dimensions=(3,), components=1)
    image = reorient(sitk.Cast(image, sitk.sitkFloat32), "LPS")
    geometry = GridGeometry.of_image(image).isotropic(spacing)
    if int(np.prod(geometry.size, dtype=np.int64)) > _MOST_VOXELS:
        raise BadRequestError(
            f"At a working spacing of {spacing:g} mm the volume would have {geometry.size} voxels; "
            "choose a coarser spacing or crop the volume."
        )
    counted = None if region is None else _inside(region, geometry)
    if mask is None:
        volume = _as_tensor(_at_spacing(image, spacing, geometry))
    else:
        volume, shown = _masked_volume(image, mask, spacing, geometry)
        counted = shown if counted is None else shown & counted
    return PreparedVolume(_normalise(volume, counted), geometry)


def smooth_for_spacing(image: sitk.Image, spacing_mm: float) -> sitk.Image:
    """Smooth an image along every axis that is finer than a spacing, before it is sampled there."""
    for axis, own in enumerate(image.GetSpacing()):
        # The recursive filter needs four samples; shorter axes have nothing to alias.
        if spacing_mm > own and image.GetSize()[axis] >= 4:
            half_maximum_mm = float(np.sqrt(spacing_mm**2 - own**2))
            sigma_mm = half_maximum_mm / (2.0 * float(np.sqrt(2.0 * np.log(2.0))))
            image = sitk.RecursiveGaussian(image, sigma=sigma_mm, direction=axis)
    return image


def _inside(mask: sitk.Image, geometry: GridGeometry) -> Tensor:
    return _as_tensor(_resample(mask != 0, geometry, sitk.sitkNearestNeighbor, extrapolate=False)) > 0


def _at_spacing(image: sitk.Image, spacing: float, geometry: GridGeometry) -> sitk.Image:
    return _resample(smooth_for_spacing(image, spacing), geometry, sitk.sitkLinear)


def _masked_volume(
    image: sitk.Image, mask: sitk.Image, spacing: float, geometry: GridGeometry
) -> tuple[Tensor, Tensor]:
    """The volume from what lies inside the mask alone, continued beyond it, and where the mask is."""
    weights = sitk.Resample(sitk.Cast(mask != 0, sitk.sitkFloat32), image, sitk.Transform(), sitk.sitkNearestNeighbor)
    shown = _inside(mask, geometry)
    share = _as_tensor(_at_spacing(weights, spacing, geometry))
    known = shown & (share > _LEAST_SHARE)
    volume = _as_tensor(_at_spacing(image * weights, spacing, geometry)) / share.clamp_min(_LEAST_SHARE)
    if bool(known.any()):
        continued = continued_beyond(volume[0, 0].numpy(), known[0, 0].numpy())
        volume = torch.from_numpy(continued)[None, None].contiguous()
    return volume, shown


def _resample(image: sitk.Image, geometry: GridGeometry, interpolator: int, extrapolate: bool = True) -> sitk.Image:
    if GridGeometry.of_image(image) == geometry:
        return image
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(geometry.size)
    resampler.SetOutputSpacing(geometry.spacing_mm)
    resampler.SetOutputOrigin(geometry.origin_mm)
    resampler.SetOutputDirection(geometry.direction)
    resampler.SetInterpolator(interpolator)
    # Outer halves of border voxels take the border's value instead of a default background.
    resampler.SetUseNearestNeighborExtrapolator(extrapolate)
    return resampler.Execute(image)


def _as_tensor(image: sitk.Image) -> Tensor:
    array = sitk.GetArrayFromImage(image)
    return torch.from_numpy(array).permute(2, 1, 0).clone(memory_format=torch.contiguous_format)[None, None]


def _normalise(volume: Tensor, inside: Tensor | None) -> Tensor:
    values = volume.numpy() if inside is None else volume[inside].numpy()
    if values.size == 0:
        raise BadRequestError("The mask is empty on the image; choose a mask that covers a part of it.")
    mean, deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    if deviation <= 1e-6 * max(1.0, abs(mean)):
        raise BadRequestError(
            f"The volume is constant where it counts (every value is about {mean:g}); choose a mask or a volume "
            "that shows something."
        )
    return volume.sub_(mean).div_(deviation)
