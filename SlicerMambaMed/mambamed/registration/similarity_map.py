"""Where two registered volumes agree: the local similarity on the grid of the fixed volume."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.registration.alignment import feature_options
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.features import describe_image
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.pair import ImagePair
from mambamed.registration.settings import FEATURE_METHODS
from mambamed.registration.settings import RegistrationSettings
from mambamed.registration.similarity.lc2_patches import lc2_map
from mambamed.registration.similarity.ncc import local_squared_ncc

__all__ = ["similarity_map"]

_LC2_RADIUS = 5


def similarity_map(
    pair: ImagePair,
    transform: sitk.Transform,
    settings: RegistrationSettings,
    *,
    network: DISANet | None = None,
    device: str | torch.device = "cpu",
) -> sitk.Image:
    """Compute the local similarity after registration.

    Of DISA the dot product of descriptors, of MIND-SSC 1 minus the mean squared difference, of LC2 its local value; of
    NCC and Mattes mutual information (which have no local value) the squared local correlation. Where the moving
    volume (its mask) does not reach, and outside the fixed mask, it is 0.

    Returns:
        float32 on the grid of the fixed volume.
    """
    border = sitk.ResampleImageFilter()
    border.SetReferenceImage(pair.fixed)
    border.SetTransform(transform)
    border.SetInterpolator(sitk.sitkLinear)
    # Beyond the moving volume its border goes on, so that no edge appears that is not in it.
    border.SetUseNearestNeighborExtrapolator(True)
    warped = border.Execute(pair.moving)
    covered = pair.moving_mask
    if covered is None:
        covered = sitk.Image(pair.moving.GetSize(), sitk.sitkUInt8) + 1
        covered.CopyInformation(pair.moving)
    counted = sitk.Resample(covered, pair.fixed, transform, sitk.sitkNearestNeighbor, 0.0)
    if pair.fixed_mask is not None:
        counted = counted * pair.fixed_mask
    if not sitk.GetArrayViewFromImage(counted).any() or _is_constant(warped):
        return sitk.Cast(counted * 0, sitk.sitkFloat32)
    values, geometry = _local_values(pair, warped, settings, network, device)
    image = sitk.GetImageFromArray(values[0, 0].permute(2, 1, 0).contiguous().float().numpy())
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(pair.fixed)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    return resampler.Execute(image) * sitk.Cast(counted > 0, sitk.sitkFloat32)


def _local_values(
    pair: ImagePair,
    warped: sitk.Image,
    settings: RegistrationSettings,
    network: DISANet | None,
    device: str | torch.device,
) -> tuple[Tensor, GridGeometry]:
    spacing_mm = pair.working_spacing_mm
    if settings.compared_by in FEATURE_METHODS:
        stride = min(settings.stride, 2)
        options = feature_options(settings, torch.device(device))
        first, second = (
            describe_image(
                image, settings.compared_by, spacing_mm=spacing_mm, stride=stride, network=network, **options
            )
            for image in (pair.fixed, warped)
        )
        if settings.compared_by == "mind-ssc":
            return 1.0 - ((first.features - second.features) ** 2).mean(dim=1, keepdim=True), first.geometry
        return (first.features * second.features).sum(dim=1, keepdim=True), first.geometry
    prepared = [prepare_volume(image, spacing_mm) for image in (pair.fixed, warped)]
    if settings.compared_by == "lc2":
        return lc2_map(prepared[0].tensor, prepared[1].tensor, _LC2_RADIUS), prepared[0].geometry
    return local_squared_ncc(prepared[0].tensor, prepared[1].tensor), prepared[0].geometry


def _is_constant(image: sitk.Image) -> bool:
    values = sitk.GetArrayViewFromImage(image)
    return bool(np.ptp(values) == 0)
