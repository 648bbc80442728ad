"""Deformable registration of a prepared pair by a one-pass network: linear part, prediction, refinement if wanted."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter_part import ReporterPart
from mambamed.registration.alignment import Alignment
from mambamed.registration.alignment import align_pair
from mambamed.registration.deformable.comparison import ComparedFeatures
from mambamed.registration.deformable.comparison import FeatureComparison
from mambamed.registration.deformable.continuous import Refined
from mambamed.registration.deformable.continuous import Refinement
from mambamed.registration.deformable.continuous import exponentiate
from mambamed.registration.deformable.continuous import refine
from mambamed.registration.deformable.continuous import sample_at
from mambamed.registration.deformable.estimate import refinement_iterations
from mambamed.registration.deformable.total_field import cells_to_mm
from mambamed.registration.deformable.total_field import field_on_grid
from mambamed.registration.deformable.total_field import mm_to_cells
from mambamed.registration.disa.network import DISANet
from mambamed.registration.field_of_view import overlap_percent
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.layers.metrics import negative_jacobian_percent
from mambamed.registration.networks.model import RegistrationModel
from mambamed.registration.networks.model import normalise_intensity
from mambamed.registration.one_pass.field import GridField
from mambamed.registration.one_pass.field import forward_transform
from mambamed.registration.one_pass.field import in_millimetres
from mambamed.registration.one_pass.field import inverse_of_prediction
from mambamed.registration.one_pass.field import inverse_transform
from mambamed.registration.one_pass.grid import fixed_on_grid
from mambamed.registration.one_pass.grid import moving_on_grid
from mambamed.registration.one_pass.grid import network_grid
from mambamed.registration.one_pass.known_inputs import warn_of_intensities
from mambamed.registration.one_pass.known_inputs import warn_of_place
from mambamed.registration.one_pass.known_inputs import warn_of_prediction
from mambamed.registration.pair import ImagePair
from mambamed.registration.settings import RegistrationSettings
from mambamed.registration.similarity_curve import SimilarityCurve

__all__ = ["predict_pair"]

_MARGIN_CELLS = 2


def predict_pair(
    pair: ImagePair,
    settings: RegistrationSettings,
    model: RegistrationModel,
    descriptors: DISANet | None,
    device: torch.device,
    reporter: Reporter,
) -> Alignment:
    """Register a pair with a network.

    Args:
        pair: checked images.
        settings: search of the linear part, similarity, refinement.
        model: the network with its description and card.
        descriptors: DISA network, for the similarity "disa".
        device: where features and fields are computed.
        reporter: hears progress, warnings and the similarity, asked for cancellation.

    Returns:
        A displacement field transform over the fixed volume, linear part included, with its inverse where the network
        gives one.

    Raises:
        BadRequestError: single slices, or volumes that do not overlap.
    """
    if pair.planar:
        raise BadRequestError("Networks register volumes; these are single slices. Choose a similarity.")
    compared_settings = settings.replace(method=settings.similarity, transform=settings.linear_part, search="local")
    linear: Alignment | None = None
    start: sitk.Transform = pair.initial
    if settings.search != "none":
        searched = settings.replace(method=settings.similarity, transform=settings.linear_part)
        linear = align_pair(pair, searched, settings.linear_part, descriptors, device, ReporterPart(reporter, 0.0, 0.4))
        start = linear.transform
    if overlap_percent(pair.fixed, pair.moving, start, pair.fixed_mask, pair.moving_mask) == 0.0:
        raise BadRequestError(
            "The volumes do not overlap after the linear alignment; begin closer (aligned centres, an initial "
            "transform) or search globally."
        )
    began = time.perf_counter()
    reporter.progress("bringing the volumes to the network's grid", 0.4)
    predicted, inverse = _predict(pair, start, model, reporter)
    reporter.check_cancelled()
    after_network = time.perf_counter()
    reporter.progress("comparing the volumes", 0.6)
    comparison = FeatureComparison(pair, compared_settings, settings.similarity, descriptors, device)
    similarity_before = comparison.similarity(pair.initial)
    base = _base(predicted, comparison.geometry).to(device)
    compared = comparison.features(start, math.ceil(float(base.abs().max())) + _MARGIN_CELLS)
    reporter.check_cancelled()
    described = time.perf_counter()
    iterations = refinement_iterations(settings) if settings.refine else 0
    refined = _refined(compared, base, iterations, settings, ReporterPart(reporter, 0.7, 0.95))
    total = base if refined is None else refined.displacement + sample_at(base, refined.displacement)
    similarity_after = compared.similarity(total)
    forward, backward = _transforms(pair, start, predicted, inverse, refined, comparison.geometry)
    ended = time.perf_counter()
    stages = {
        "network": after_network - began,
        "features": described - after_network,
        "continuous": ended - described,
    }
    result = Alignment(forward, similarity_before, similarity_after, inverse=backward, seconds=stages)
    if linear is None:
        return result
    return replace(
        result,
        restart_spread=linear.restart_spread,
        evaluations=linear.evaluations,
        seconds={**linear.seconds, **stages},
    )


def _predict(
    pair: ImagePair, start: sitk.Transform, model: RegistrationModel, reporter: Reporter
) -> tuple[GridField, GridField | None]:
    """The predicted field and its inverse, in fixed space."""
    description = model.description
    grid = network_grid(pair, description)
    warn_of_place(pair, start, grid, model, reporter)
    fixed, fixed_inside = fixed_on_grid(pair, grid)
    moving, moving_inside = moving_on_grid(pair, start, grid)
    target, source = (
        normalise_intensity(_emptied(values, inside), description)
        for values, inside in ((fixed, fixed_inside), (moving, moving_inside))
    )
    warn_of_intensities(pair, (target, source), (fixed_inside, moving_inside), model, reporter)
    reporter.check_cancelled()
    reporter.progress("predicting the deformation", 0.45)
    with torch.inference_mode():
        output = model.network(source.to(model.device), target.to(model.device))
        backward = inverse_of_prediction(model.network, output)
        warn_of_prediction(negative_jacobian_percent(output.pos_flow), model, reporter)
    predicted = in_millimetres(output.pos_flow, grid)
    return predicted, None if backward is None else in_millimetres(backward, grid)


def _emptied(values: Tensor, inside: Tensor) -> Tensor:
    """Values with the smallest one where a volume or its mask is not: as dark as the background."""
    counted = values[inside > 0]
    if counted.numel() == 0:
        raise BadRequestError("Nothing of a volume lies on the network's grid; check masks and alignment.")
    return torch.where(inside > 0, values, counted.min())


def _base(predicted: GridField, geometry: GridGeometry) -> Tensor:
    """The predicted displacements in cells of the features' grid."""
    in_mm = field_on_grid(predicted.displacement_mm, predicted.grid, geometry)
    return mm_to_cells(in_mm, geometry).float()


def _refined(
    compared: ComparedFeatures, base: Tensor, iterations: int, settings: RegistrationSettings, reporter: Reporter
) -> Refined | None:
    if not iterations:
        return None
    return refine(
        compared.fixed,
        compared.moving,
        compared.weights,
        compared.margin,
        torch.zeros_like(base),
        None,
        Refinement(iterations, settings.regularisation, diffeomorphic=True),
        reporter,
        SimilarityCurve(reporter),
        base,
    )


def _transforms(
    pair: ImagePair,
    start: sitk.Transform,
    predicted: GridField,
    inverse: GridField | None,
    refined: Refined | None,
    geometry: GridGeometry,
) -> tuple[sitk.Transform, sitk.Transform | None]:
    there = back = None
    if refined is not None and refined.velocity is not None:
        there, back = (
            GridField(cells_to_mm(field, geometry).double(), geometry)
            for field in (refined.displacement, exponentiate(-refined.velocity))
        )
    forward = forward_transform(start, predicted, there, pair.fixed)
    return forward, None if inverse is None else inverse_transform(start, inverse, back, pair.moving)
