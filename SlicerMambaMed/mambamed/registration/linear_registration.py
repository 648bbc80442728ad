"""Rigid and affine registration of two images, from pixels to transform."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.registration.disa.network import DISANet
from mambamed.registration.features import describe_image
from mambamed.registration.features import paired
from mambamed.registration.linear import LOCAL_SEARCH
from mambamed.registration.linear import LinearResult
from mambamed.registration.linear import Search
from mambamed.registration.linear import align_features
from mambamed.registration.transforms import composed
from mambamed.registration.transforms import linear_matrix

__all__ = ["register_linear"]


def register_linear(
    fixed: sitk.Image,
    moving: sitk.Image,
    method: str = "disa",
    transform: str = "rigid",
    *,
    spacing_mm: float | None = None,
    stride: int = 4,
    search: Search = LOCAL_SEARCH,
    initial: sitk.Transform | str = "centres",
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    network: DISANet | None = None,
    describe_again: bool = True,
    reporter: Reporter | None = None,
) -> LinearResult:
    """Align two images.

    Features turn only approximately with the image (the assumption under equation 2 of DISA), which pulls the result
    towards parallel grids. Therefore the moving image is turned by the first result, described again, and the small
    rest is estimated.

    Args:
        fixed: scalar 3D image, LPS mm, any orientation.
        moving: scalar 3D image.
        method: "disa" or "mind-ssc".
        transform: "rigid" or "affine".
        spacing_mm: working spacing of both images; None means 2 mm.
        stride: working voxels between features.
        search: range and effort of the search.
        initial: a linear transform fixed -> moving (LPS mm), "centres" or "identity".
        fixed_mask: where the fixed image counts, or None.
        moving_mask: where the moving image counts, or None.
        network: DISA network; None takes the bundled weights.
        describe_again: whether the moving image is described a second time after turning it.
        reporter: hears progress and is asked for cancellation.

    Returns:
        The transform fixed -> moving with its similarity; the agreement of starts is that of the search.
    """
    reporter = reporter or NullReporter()
    settings: dict[str, Any] = {"spacing_mm": spacing_mm, "stride": stride, "network": network}
    described = describe_image(fixed, method, mask=fixed_mask, **settings)
    reporter.check_cancelled()
    first, second = paired(described, describe_image(moving, method, mask=moving_mask, **settings), method)
    kind = "rigid" if describe_again else transform
    rough = align_features(first, second, kind, search=search, initial=initial, reporter=reporter)
    if not describe_again:
        return rough
    reporter.log(f"first alignment: similarity {rough.similarity:.4f}; describing the turned image")
    turned, inside = _turned(moving, moving_mask, rough.transform, fixed)
    reporter.check_cancelled()
    first, second = paired(described, describe_image(turned, method, mask=inside, **settings), method)
    local = replace(search, starts=1, coarse_factor=1, finalists=1)
    rest = align_features(first, second, transform, search=local, initial="identity", reporter=reporter)
    return replace(
        rest,
        transform=composed(rough.transform, linear_matrix(rest.transform)),
        initial_similarity=rough.initial_similarity,
        agreeing=rough.agreeing,
        starts=rough.starts,
        evaluations=rough.evaluations + rest.evaluations,
        seconds=rough.seconds + rest.seconds,
    )


def _turned(
    moving: sitk.Image, mask: sitk.Image | None, transform: sitk.Transform, fixed: sitk.Image
) -> tuple[sitk.Image, sitk.Image]:
    """The whole moving image in fixed space, on a grid parallel to the fixed image's, and where it is defined."""
    back = transform.GetInverse()
    size = moving.GetSize()
    corners = [
        back.TransformPoint(moving.TransformContinuousIndexToPhysicalPoint(corner))
        for corner in itertools.product(*((-0.5, count - 0.5) for count in size))
    ]
    direction = np.reshape(fixed.GetDirection(), (3, 3))
    along = np.array(corners) @ direction
    spacing = min(moving.GetSpacing())
    count = np.maximum(1, np.ceil((along.max(axis=0) - along.min(axis=0)) / spacing)).astype(int)
    origin = direction @ (along.min(axis=0) + 0.5 * spacing)

    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(count.tolist())
    resampler.SetOutputSpacing((spacing,) * 3)
    resampler.SetOutputOrigin(origin.tolist())
    resampler.SetOutputDirection(fixed.GetDirection())
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    if mask is None:
        counted = sitk.Image(size, sitk.sitkUInt8) + 1
        counted.CopyInformation(moving)
    else:
        counted = sitk.Cast(mask != 0, sitk.sitkUInt8)
    inside = resampler.Execute(counted)
    resampler.SetInterpolator(sitk.sitkLinear)
    # Beyond its border the image goes on with the border's values: no edge appears that is not in the image.
    resampler.SetUseNearestNeighborExtrapolator(True)
    return resampler.Execute(sitk.Cast(moving, sitk.sitkFloat32)), inside
