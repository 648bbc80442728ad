"""Mattes mutual information, computed by SimpleITK."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.errors import BadRequestError

__all__ = ["mattes_mutual_information"]


def mattes_mutual_information(fixed: Tensor, moving: Tensor, weights: Tensor | None = None, bins: int = 50) -> Tensor:
    """Mutual information with a cubic B-spline Parzen window (Mattes et al. 2003), in nats; no gradients.

    Args:
        fixed: (B, 1, X, Y, Z).
        moving: (B, 1, X, Y, Z), on the same grid.
        weights: only voxels with a positive weight are counted; they count alike.
        bins: histogram bins of each image.

    Returns:
        (B,) on the device and in the type of ``fixed``; the larger, the more one image tells about the
        other. A constant volume tells nothing: 0.
    """
    if bins < 5:
        raise BadRequestError(f"{bins} histogram bins were asked for; the B-spline window needs at least 5.")
    values = []
    for index in range(fixed.shape[0]):
        first = fixed[index, 0].detach().cpu().float()
        second = moving[index, 0].detach().cpu().float()
        inside = torch.ones_like(first, dtype=torch.bool) if weights is None else (weights[index, 0] > 0).cpu()
        if not bool(inside.any()) or any(float(v[inside].max() - v[inside].min()) == 0.0 for v in (first, second)):
            values.append(0.0)
            continue
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=bins)
        method.SetInterpolator(sitk.sitkLinear)
        # SimpleITK smooths along every axis of a volume and refuses single slices; as pictures it takes them.
        arrays = [np.squeeze(volume.numpy()) for volume in (first, second)]
        method.SetInitialTransform(sitk.Transform(arrays[0].ndim, sitk.sitkIdentity))
        if weights is not None:
            mask = sitk.GetImageFromArray(np.squeeze(inside.numpy()).astype("uint8"))
            method.SetMetricFixedMask(mask)
            method.SetMetricMovingMask(mask)
        images = [sitk.GetImageFromArray(array) for array in arrays]
        # SimpleITK minimises, so its metric is the negative mutual information.
        values.append(-method.MetricEvaluate(*images))
    return torch.tensor(values, dtype=fixed.dtype, device=fixed.device)
