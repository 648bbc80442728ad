"""Deformable registration of a prepared pair: linear part, discrete search, refinement, one displacement field."""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from torch import Tensor

from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter_part import ReporterPart
from mambamed.registration.alignment import Alignment
from mambamed.registration.alignment import align_pair
from mambamed.registration.deformable.comparison import FeatureComparison
from mambamed.registration.deformable.continuous import Refinement
from mambamed.registration.deformable.continuous import refine
from mambamed.registration.deformable.discrete import SearchPlan
from mambamed.registration.deformable.discrete import plan_search
from mambamed.registration.deformable.discrete import search_displacements
from mambamed.registration.deformable.total_field import total_transform
from mambamed.registration.disa.network import DISANet
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.pair import ImagePair
from mambamed.registration.settings import RegistrationSettings
from mambamed.registration.similarity_curve import SimilarityCurve
from mambamed.registration.transforms import linear_matrix

__all__ = ["deform_pair", "refinement_iterations"]

_RANGE_CELLS = 5.0


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
        linear = align_pair(pair, settings, settings.linear_part, network, device, ReporterPart(reporter, 0.0, first))
    start = pair.initial if linear is None else linear.transform
    began = time.perf_counter()
    comparison = FeatureComparison(pair, settings, settings.method, network, device)
    geometry = comparison.geometry
    cell_mm = max(geometry.spacing_mm) if not pair.planar else _in_plane_mm(geometry)
    plan = plan_search(geometry.size, cell_mm, settings.displacement_range_mm or _RANGE_CELLS * cell_mm)
    curve = SimilarityCurve(reporter)
    reporter.progress("describing the volumes", first)
    similarity_before = comparison.similarity(pair.initial)
    reporter.check_cancelled()
    compared = comparison.features(start, plan.margin_cells)
    described = time.perf_counter()
    rest = ReporterPart(reporter, first + 0.1, 1.0)
    fixed, moving, importance = compared.fixed, compared.moving, compared.weights
    search = ReporterPart(rest, 0.0, 0.5)
    found = search_displacements(fixed, moving, importance, plan, settings.regularisation, search)
    backward = _backward(fixed, moving, compared.margin, settings, plan, rest)
    searched = time.perf_counter()
    iterations = refinement_iterations(settings)
    if iterations:
        refinement = Refinement(
            iterations, settings.regularisation, settings.diffeomorphic, settings.inverse_consistent
        )
        found = refine(
            fixed, moving, importance, compared.margin, found, backward, refinement, ReporterPart(rest, 0.5, 1.0), curve
        ).displacement
    after = compared.similarity(found)
    transform = total_transform(found, geometry, linear_matrix(start), pair)
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
    return search_displacements(inner, wide, weights, plan, settings.regularisation, ReporterPart(reporter, 0.3, 0.5))


def _in_plane_mm(geometry: GridGeometry) -> float:
    return max(step for step, count in zip(geometry.spacing_mm, geometry.size, strict=True) if count > 1)


def refinement_iterations(settings: RegistrationSettings) -> int:
    """How often a field is refined: half as often for a quick look."""
    return settings.iterations // 2 if settings.effort == "quick" else settings.iterations
