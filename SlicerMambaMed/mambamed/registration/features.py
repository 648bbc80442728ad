"""Feature volumes whose dot product is a similarity: DISA descriptors, and MIND-SSC brought into the same form."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch.nn import functional

from mambamed.errors import BadRequestError
from mambamed.registration.disa.describe import describe_prepared
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.similarity.measures import local_variance
from mambamed.registration.similarity.self_similarity import mind_ssc

__all__ = ["FEATURE_METHODS", "FeatureVolume", "coarser", "describe_image", "mask_on_grid", "paired"]

FEATURE_METHODS = ("disa", "mind-ssc")

_WEIGHT_RADIUS = 3


@dataclass(frozen=True)
class FeatureVolume:
    """Features on a grid.

    Attributes:
        features: (1, C, X, Y, Z), float32.
        weights: (X, Y, Z), at least 0: how much a point counts (local variance of the image, inside the mask).
        geometry: the grid in physical space.
        inside: (X, Y, Z), 1 inside the mask and the region and 0 outside; None without either.
    """

    features: Tensor
    weights: Tensor
    geometry: GridGeometry
    inside: Tensor | None = None


def describe_image(
    image: sitk.Image,
    method: str = "disa",
    *,
    spacing_mm: float | None = None,
    stride: int = 4,
    mask: sitk.Image | None = None,
    region: sitk.Image | None = None,
    network: DISANet | None = None,
    sign_average: bool = False,
    device: str | torch.device = "cpu",
    precision: str = "auto",
) -> FeatureVolume:
    """Compute the features of one image; two of them are compared after ``paired``.

    Args:
        image: scalar 3D image, LPS mm.
        method: "disa" or "mind-ssc".
        spacing_mm: working spacing; None means 2 mm. Both images of a pair need the same.
        stride: working voxels between features.
        mask: where the image shows something that counts, or None. What lies outside does not show in the features.
        region: where it counts besides, or None. What lies outside shows in the features near the region's border.
        network: DISA network; None takes the bundled weights.
        sign_average: average the DISA descriptors of the image and of its negative (twice the time).
        device: where the features are computed; they are returned on the CPU.
        precision: number format of the DISA network, as for ``descriptors``.

    Returns:
        Features with weights and grid.

    Raises:
        BadRequestError: unknown method, or an image or mask that cannot be described.
    """
    if method not in FEATURE_METHODS:
        raise BadRequestError(f'There are no features "{method}"; choose one of {", ".join(FEATURE_METHODS)}.')
    prepared = prepare_volume(image, spacing_mm, mask, region)
    geometry = prepared.geometry.strided(stride)
    if method == "disa":
        options: dict[str, Any] = {"sign_average": sign_average, "device": device, "precision": precision}
        features = describe_prepared(prepared, stride, network=network, **options).tensor
    else:
        features = _strided(mind_ssc(prepared.tensor.to(device)), stride).cpu()
    weights = _strided(local_variance(prepared.tensor, _WEIGHT_RADIUS), stride)[0, 0]
    parts = [mask_on_grid(part, geometry) for part in (mask, region) if part is not None]
    inside = torch.stack(parts).prod(dim=0) if parts else None
    weights = weights if inside is None else weights * inside
    if not float(weights.sum()) > 0:
        raise BadRequestError("The mask leaves nothing of the image; choose one that covers a part of it.")
    return FeatureVolume(features, weights, geometry, inside)


def paired(fixed: FeatureVolume, moving: FeatureVolume, method: str) -> tuple[FeatureVolume, FeatureVolume]:
    """Bring the features of two images into the form in which their dot product is the similarity, and mask them."""
    fixed, moving = (_as_dot_products if method == "mind-ssc" else _about_means)(fixed, moving)
    first, second = (
        volume if volume.inside is None else replace(volume, features=volume.features * volume.inside)
        for volume in (fixed, moving)
    )
    return first, second


def coarser(volume: FeatureVolume, factor: int) -> FeatureVolume:
    """Average features and weights over blocks of ``factor`` samples along each axis that has as many."""
    if factor == 1:
        return volume
    steps = [min(factor, size) for size in volume.geometry.size]
    pooled = functional.avg_pool3d(volume.features, steps, ceil_mode=True, count_include_pad=False)
    weights = functional.avg_pool3d(volume.weights[None, None], steps, ceil_mode=True, count_include_pad=False)[0, 0]
    matrix = volume.geometry.index_to_physical()
    origin = matrix @ np.array([*((step - 1) / 2 for step in steps), 1.0])
    spacing = [own * step for own, step in zip(volume.geometry.spacing_mm, steps, strict=True)]
    geometry = replace(
        volume.geometry,
        size=(pooled.shape[2], pooled.shape[3], pooled.shape[4]),
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
    )
    return FeatureVolume(pooled, weights, geometry)


def _about_means(fixed: FeatureVolume, moving: FeatureVolume) -> tuple[FeatureVolume, FeatureVolume]:
    """Keep of f . m what both images decide: (f - mean f) . (m - mean m) + mean f . mean m.

    What is left out, (f - mean f) . mean m and its mirror image, varies with one image alone and draws a small fixed
    image to wherever the moving one is like its own mean. The constant stays, since it rewards overlap. Means are
    weighted as the points are.
    """
    means = [_weighted_mean(volume) for volume in (fixed, moving)]
    constant = (means[0] * means[1]).sum()
    left, right = (volume.features - mean for volume, mean in zip((fixed, moving), means, strict=True))
    ones = torch.ones_like(right[:, :1])
    left = torch.cat((left, constant.expand_as(left[:, :1])), dim=1)
    return replace(fixed, features=left), replace(moving, features=torch.cat((right, ones), dim=1))


def _weighted_mean(volume: FeatureVolume) -> Tensor:
    """Mean descriptor, (1, C, 1, 1, 1)."""
    return (volume.features * volume.weights).sum(dim=(2, 3, 4), keepdim=True) / volume.weights.sum()


def _as_dot_products(fixed: FeatureVolume, moving: FeatureVolume) -> tuple[FeatureVolume, FeatureVolume]:
    """Turn chance - |f - m|^2 into a dot product: (2 f, chance - |f|^2, -1) . (m, 1, |m|^2), over the channel count.

    ``chance`` is the mean squared distance of unrelated positions, so that leaving the moving image (features zero)
    neither wins nor loses against an arbitrary position in it.
    """
    first, second = fixed.features, moving.features
    count = first.shape[1]
    norms = [(features**2).sum(dim=1, keepdim=True) for features in (first, second)]
    means = [features.mean(dim=(0, 2, 3, 4)) for features in (first, second)]
    chance = norms[0].mean() + norms[1].mean() - 2.0 * (means[0] * means[1]).sum()
    one_first, one_second = torch.ones_like(norms[0]), torch.ones_like(norms[1])
    left = torch.cat((2.0 * first, chance - norms[0], -one_first), dim=1) / count
    right = torch.cat((second, one_second, norms[1]), dim=1)
    return replace(fixed, features=left), replace(moving, features=right)


def _strided(volume: Tensor, stride: int) -> Tensor:
    return volume[:, :, ::stride, ::stride, ::stride]


def mask_on_grid(mask: sitk.Image, geometry: GridGeometry) -> Tensor:
    """A mask on a grid (nearest voxel): (X, Y, Z), 1 inside and 0 outside."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(geometry.size)
    resampler.SetOutputSpacing(geometry.spacing_mm)
    resampler.SetOutputOrigin(geometry.origin_mm)
    resampler.SetOutputDirection(geometry.direction)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    array = sitk.GetArrayFromImage(resampler.Execute(sitk.Cast(mask != 0, sitk.sitkUInt8)))
    return torch.from_numpy(array.transpose(2, 1, 0).copy()).float()
