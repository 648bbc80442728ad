"""Deformable registration of a prepared pair: linear part, discrete search, refinement, one displacement field."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.jobs.reporter import Reporter
from mambamed.registration.alignment import Alignment
from mambamed.registration.alignment import align_pair
from mambamed.registration.alignment import feature_options
from mambamed.registration.deformable.continuous import Refinement
from mambamed.registration.deformable.continuous import field_similarity
from mambamed.registration.deformable.continuous import refine
from mambamed.registration.deformable.discrete import SearchPlan
from mambamed.registration.deformable.discrete import plan_search
from mambamed.registration.deformable.discrete import search_displacements
from mambamed.registration.deformable.frames import FeatureFrame
from mambamed.registration.disa.network import DISANet
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.inversion import field_transform
from mambamed.registration.pair import ImagePair
from mambamed.registration.pressure_field import grid_points_mm
from mambamed.registration.progress import Part
from mambamed.registration.settings import RegistrationSettings
from mambamed.registration.similarity_curve import SimilarityCurve
from mambamed.registration.transforms import linear_matrix

__all__ = ["deform_pair"]

_RANGE_CELLS = 5.0
_FIELD_MARGIN = 3


def deform_pair(
    pair: ImagePair,
    settings: RegistrationSettings,
    network: DISANet | None,
    device: torch.device,
    reporter: Reporter,
) -> Alignment:
    """Estimate a dense deformation of a pair.

    Args:
        pair: checked images.
        settings: method, search of the linear part, regularisation, options.
        network: DISA network, for the method "disa".
        device: where features and fields are computed.
        reporter: hears progress and the similarity, asked for cancellation.

    Returns:
        A displacement field transform over the fixed volume, linear part included.
    """
    linear = None
    first = 0.0
    if settings.search != "none":
        first = 0.4
        linear = align_pair(pair, settings, settings.linear_part, network, device, Part(reporter, 0.0, first))
    affine = linear_matrix(pair.initial if linear is None else linear.transform)
    began = time.perf_counter()
    options = _options(settings, network, device)
    frame = FeatureFrame(pair, settings.method, _stride(pair, settings), options, settings.cache)
    cell_mm = max(frame.geometry.spacing_mm) if not pair.planar else _in_plane_mm(frame.geometry)
    plan = plan_search(frame.geometry.size, cell_mm, settings.displacement_range_mm or _RANGE_CELLS * cell_mm)
    curve = SimilarityCurve(reporter)
    reporter.progress("describing the volumes", first)
    before = frame.features(pair.initial)
    base = torch.zeros(1, 3, *frame.geometry.size)
    weights = _importance(before.fixed.weights)
    similarity_before = float(
        field_similarity(before.fixed.features, before.moving.features, weights[None, None], (0, 0, 0), base)
    )
    reporter.check_cancelled()
    start = pair.initial if linear is None else linear.transform
    aligned = frame.features(start, plan.margin_cells)
    del before
    described = time.perf_counter()
    rest = Part(reporter, first + 0.1, 1.0)
    fixed, moving = (features.to(device) for features in (aligned.fixed.features, aligned.moving.features))
    importance = weights.to(device)
    search = Part(rest, 0.0, 0.5)
    found = search_displacements(fixed, moving, importance, plan, settings.regularisation, search)
    backward = _backward(fixed, moving, aligned.margin, settings, plan, rest)
    searched = time.perf_counter()
    iterations = settings.iterations // 2 if settings.effort == "quick" else settings.iterations
    if iterations:
        refinement = Refinement(
            iterations, settings.regularisation, settings.diffeomorphic, settings.inverse_consistent
        )
        found = refine(
            fixed, moving, importance, aligned.margin, found, backward, refinement, Part(rest, 0.5, 1.0), curve
        )
    after = float(field_similarity(fixed, moving, importance[None, None], aligned.margin, found))
    transform = _total_transform(found.cpu(), frame.geometry, affine, pair)
    refined = time.perf_counter()
    stages = {"features": described - began, "discrete": searched - described, "continuous": refined - searched}
    result = Alignment(transform, similarity_before, after, seconds=stages)
    if linear is None:
        return result
    return replace(
        result,
        restart_spread=linear.restart_spread,
        evaluations=linear.evaluations,
        seconds={**linear.seconds, **stages},
    )


def _backward(
    fixed: Tensor,
    moving: Tensor,
    margin: tuple[int, int, int],
    settings: RegistrationSettings,
    plan: SearchPlan,
    reporter: Reporter,
) -> Tensor | None:
    """The search in the other direction, on the fixed grid; the fixed features end at its border."""
    if not settings.inverse_consistent or settings.diffeomorphic:
        return None
    index = [slice(None), slice(None)]
    index += [slice(first, first + count) for first, count in zip(margin, fixed.shape[2:], strict=True)]
    inner = moving[tuple(index)]
    weights = (inner.abs().sum(dim=1) > 0).to(inner.dtype)[0]
    pad = [cells for first in reversed(margin) for cells in (first, first)]
    wide = torch.nn.functional.pad(fixed, pad)
    return search_displacements(inner, wide, weights, plan, settings.regularisation, Part(reporter, 0.3, 0.5))


def _stride(pair: ImagePair, settings: RegistrationSettings) -> int:
    wanted = settings.deformable_spacing_mm or 2.0 * pair.working_spacing_mm
    if settings.effort == "quick" and settings.deformable_spacing_mm is None:
        wanted *= 2.0
    return min((1, 2, 4), key=lambda stride: abs(stride * pair.working_spacing_mm - wanted))


def _options(settings: RegistrationSettings, network: DISANet | None, device: torch.device) -> dict[str, object]:
    return {**feature_options(settings, device), "network": network}


def _in_plane_mm(geometry: GridGeometry) -> float:
    return max(step for step, count in zip(geometry.spacing_mm, geometry.size, strict=True) if count > 1)


def _importance(weights: Tensor) -> Tensor:
    """Weights w between 0 and 1: half at their median, so that strong edges do not outweigh all else."""
    positive = weights[weights > 0]
    return weights / (weights + positive.median().clamp_min(1e-12))


def _total_transform(
    field_cells: Tensor, geometry: GridGeometry, affine: np.ndarray, pair: ImagePair
) -> sitk.DisplacementFieldTransform:
    """The map p -> A(p + u(p)) as one displacement field, a little larger than the fixed volume."""
    in_mm = torch.from_numpy(geometry.index_to_physical()[:3, :3]).float()
    field_mm = torch.einsum("ij,bjxyz->bixyz", in_mm, field_cells.float())
    edge = 4
    pad = [edge if count > 1 else 0 for count in reversed(geometry.size) for _ in range(2)]
    padded = torch.nn.functional.pad(field_mm, pad, mode="replicate")
    origin = geometry.index_to_physical() @ np.array([*(-edge if count > 1 else 0 for count in geometry.size), 1.0])
    target = _field_grid(geometry, pair)
    components = []
    for axis in range(3):
        image = sitk.GetImageFromArray(padded[0, axis].permute(2, 1, 0).contiguous().numpy())
        image.SetSpacing(geometry.spacing_mm)
        image.SetOrigin(origin[:3].tolist())
        image.SetDirection(geometry.direction)
        interpolator = sitk.sitkLinear if pair.planar else sitk.sitkBSpline
        resampled = sitk.Resample(
            image,
            target.size,
            sitk.Transform(3, sitk.sitkIdentity),
            interpolator,
            target.origin_mm,
            target.spacing_mm,
            target.direction,
            0.0,
            sitk.sitkFloat64,
            True,
        )
        components.append(torch.from_numpy(sitk.GetArrayFromImage(resampled)).permute(2, 1, 0))
    moved = torch.stack(components)
    points = torch.from_numpy(grid_points_mm(target)).T.reshape(3, *reversed(target.size)).permute(0, 3, 2, 1)
    matrix = torch.from_numpy(affine)
    total = torch.einsum("ij,jxyz->ixyz", matrix[:3, :3], points + moved) + matrix[:3, 3, None, None, None] - points
    return field_transform(total[None], target)


def _field_grid(geometry: GridGeometry, pair: ImagePair) -> GridGeometry:
    """The frame's axes at the working spacing, over the fixed volume and some samples more on each side."""
    fine = [
        pair.working_spacing_mm if count > 1 else step
        for count, step in zip(geometry.size, geometry.spacing_mm, strict=True)
    ]
    margin = [_FIELD_MARGIN * round(step / own) for step, own in zip(geometry.spacing_mm, fine, strict=True)]
    first, second, third = (
        (count - 1) * round(step / own) + 1
        for count, step, own in zip(geometry.size, geometry.spacing_mm, fine, strict=True)
    )
    placed = replace(geometry, size=(first, second, third), spacing_mm=(fine[0], fine[1], fine[2]))
    return placed.padded(margin)
