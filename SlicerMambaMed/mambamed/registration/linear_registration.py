"""Rigid and affine registration of two images, from pixels to transform."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter_part import ReporterPart
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.prepare import WORKING_SPACING_MM
from mambamed.registration.feature_cache import describe_cached
from mambamed.registration.features import describe_image
from mambamed.registration.features import paired
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.linear import LOCAL_SEARCH
from mambamed.registration.linear import LinearResult
from mambamed.registration.linear import Probe
from mambamed.registration.linear import Search
from mambamed.registration.linear import align_features
from mambamed.registration.planar import is_planar
from mambamed.registration.similarity_curve import SimilarityCurve
from mambamed.registration.transforms import composed
from mambamed.registration.transforms import linear_matrix

__all__ = ["register_linear"]

_FIELD_MARGIN = 4
"""Samples of a displacement field beyond the fixed image: outside the field SimpleITK's transform is the identity."""


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
    region: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    network: DISANet | None = None,
    describe_again: bool = True,
    probe: Probe | None = None,
    feature_options: Mapping[str, Any] | None = None,
    cache: bool = False,
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
        transform: "rigid", "affine" or "probe-pressure".
        spacing_mm: working spacing of both images; None means 2 mm.
        stride: working voxels between features.
        search: range and effort of the search.
        initial: a linear transform fixed -> moving (LPS mm), "centres" or "identity".
        fixed_mask: where the fixed image shows something that counts, or None.
        region: where the fixed image counts besides, or None; see ``describe_image``.
        moving_mask: where the moving image shows something that counts, or None.
        network: DISA network; None takes the bundled weights.
        describe_again: whether the moving image is described a second time after turning it; always so with probe
            pressure.
        probe: where the probe of "probe-pressure" presses, in fixed space.
        feature_options: further arguments of ``describe_image``.
        cache: keep the features of both images in the user's cache folder, in 8 bits.
        reporter: hears progress and is asked for cancellation.

    Returns:
        The transform fixed -> moving with its similarity; the agreement of starts is that of the search.
    """
    reporter = reporter or NullReporter()
    describe_again = describe_again or transform == "probe-pressure"
    settings: dict[str, Any] = {"spacing_mm": spacing_mm, "stride": stride, "network": network}
    settings |= feature_options or {}
    reporter.progress("describing the volumes", 0.0)
    describe = describe_cached if cache else describe_image
    described = describe(fixed, method, mask=fixed_mask, region=region, **settings)
    reporter.check_cancelled()
    reporter.progress("describing the volumes", 0.15)
    first, second = paired(described, describe(moving, method, mask=moving_mask, **settings), method)
    kind = "rigid" if describe_again else transform
    curve = SimilarityCurve(reporter)
    stage = ReporterPart(reporter, 0.3, 0.75 if describe_again else 1.0)
    rough = align_features(first, second, kind, search=search, initial=initial, reporter=stage, curve=curve)
    if not describe_again:
        return rough
    assert isinstance(rough.transform, sitk.AffineTransform)
    reporter.log(f"first alignment: similarity {rough.similarity:.4f}; describing the turned image")
    turned, inside = _turned(moving, moving_mask, rough.transform, fixed)
    reporter.check_cancelled()
    first, second = paired(described, describe_image(turned, method, mask=inside, **settings), method)
    local = replace(search, starts=1, coarse_factor=1, finalists=1)
    stage = ReporterPart(reporter, 0.85, 1.0)
    rest = align_features(
        first, second, transform, search=local, initial="identity", probe=probe, reporter=stage, curve=curve
    )
    found: sitk.Transform = composed(rough.transform, linear_matrix(rest.transform))
    if rest.pressure is not None:
        grid = GridGeometry.of_image(fixed).isotropic(spacing_mm or WORKING_SPACING_MM).padded(_FIELD_MARGIN)
        found = rest.pressure.transform(grid, rough.transform)
    return replace(
        rest,
        transform=found,
        initial_similarity=rough.initial_similarity,
        agreeing=rough.agreeing,
        starts=rough.starts,
        evaluations=rough.evaluations + rest.evaluations,
        seconds=rough.seconds + rest.seconds,
        spread_mm=rough.spread_mm,
        spread_deg=rough.spread_deg,
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
    lowest, highest = along.min(axis=0), along.max(axis=0)
    # A slice's thickness says nothing of its resolution.
    step = min(own for own, count in zip(moving.GetSpacing(), size, strict=True) if count > 1)
    spacing = np.full(3, step)
    if is_planar(GridGeometry.of_image(fixed)) and is_planar(GridGeometry.of_image(moving)):
        normal = fixed.GetSize().index(1)
        spacing[normal] = fixed.GetSpacing()[normal]
        middle = float(np.array(fixed.GetOrigin()) @ direction[:, normal])
        lowest[normal], highest[normal] = middle - 0.5 * spacing[normal], middle + 0.5 * spacing[normal]
    count = np.maximum(1, np.ceil((highest - lowest) / spacing - 1e-6)).astype(int)
    origin = direction @ (lowest + 0.5 * spacing)

    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(count.tolist())
    resampler.SetOutputSpacing(spacing.tolist())
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
