"""Rigid and affine registration of two images by their features: search from many starts, then refine the best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Protocol

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.registration.features import FeatureVolume
from mambamed.registration.features import coarser
from mambamed.registration.objective import SampledObjective
from mambamed.registration.optimise import Optimum
from mambamed.registration.optimise import draw_starts
from mambamed.registration.optimise import maximise
from mambamed.registration.planar import PlanarModel
from mambamed.registration.planar import is_planar
from mambamed.registration.planar import plane_axes
from mambamed.registration.pressure_field import PressureMotion
from mambamed.registration.similarity_curve import SimilarityCurve
from mambamed.registration.transforms import AffineModel
from mambamed.registration.transforms import ProbePressureModel
from mambamed.registration.transforms import RigidModel
from mambamed.registration.transforms import TransformModel
from mambamed.registration.transforms import composed
from mambamed.registration.transforms import linear_matrix
from mambamed.registration.transforms import linear_transform

__all__ = [
    "LOCAL_SEARCH",
    "NEAR_SEARCH",
    "WIDE_SEARCH",
    "LinearResult",
    "Probe",
    "Search",
    "agreement_of_starts",
    "align_features",
    "rigid_model",
    "wider_model",
]


@dataclass(frozen=True)
class Search:
    """How far and how thoroughly the optimum is looked for.

    Attributes:
        starts: number of starts; the first is the initial transform itself.
        rotation_deg: starts are rotated by up to plus or minus this about each axis.
        translation_mm: and shifted by up to plus or minus this along each axis.
        coarse_factor: features are averaged over blocks of so many samples for the first search.
        coarse_points: points of the fixed image for the first search.
        points: points for the refinement.
        finalists: how many of the starts are refined.
        seed: of all random draws.
    """

    starts: int = 1
    rotation_deg: float = 0.0
    translation_mm: float = 0.0
    coarse_factor: int = 2
    coarse_points: int = 400
    points: int = 4000
    finalists: int = 10
    seed: int = 0


LOCAL_SEARCH = Search()
NEAR_SEARCH = Search(starts=500, rotation_deg=10.0, translation_mm=25.0)
WIDE_SEARCH = Search(starts=500, rotation_deg=40.0, translation_mm=150.0)

_AGREEMENT_MM = 5.0


@dataclass(frozen=True)
class LinearResult:
    """A linear transform and how it was found.

    Attributes:
        transform: fixed -> moving, LPS mm; affine, or with probe pressure a displacement field.
        similarity: mean similarity at the optimum.
        initial_similarity: at the initial transform, over the same points.
        agreeing: how many starts ended the first search within ``agreement_mm`` of the best result (root mean square
            over points): many mean a wide basin, few a lucky find.
        starts: number of starts.
        agreement_mm: see ``agreeing``.
        evaluations: transforms evaluated.
        seconds: time of the search, features aside.
        spread_mm: root mean square distance of the agreeing starts from the best result.
        spread_deg: root mean square rotation of the agreeing starts from the best result.
        pressure: the motion with probe pressure, which ``transform`` (its rigid part) follows; None without.
    """

    transform: sitk.Transform
    similarity: float
    initial_similarity: float
    agreeing: int
    starts: int
    evaluations: int
    seconds: float
    agreement_mm: float = field(default=_AGREEMENT_MM)
    spread_mm: float = 0.0
    spread_deg: float = 0.0
    pressure: PressureMotion | None = None


@dataclass(frozen=True)
class Probe:
    """Where an ultrasound probe presses, in fixed space.

    Attributes:
        position_mm: centre of its face, LPS mm.
        beam: unit vector into the body.
        depth_mm: depth at which the pressure is no longer felt.
    """

    position_mm: tuple[float, float, float]
    beam: tuple[float, float, float]
    depth_mm: float


def align_features(
    fixed: FeatureVolume,
    moving: FeatureVolume,
    transform: str = "rigid",
    *,
    search: Search = LOCAL_SEARCH,
    initial: sitk.Transform | str = "centres",
    probe: Probe | None = None,
    reporter: Reporter | None = None,
    curve: SimilarityCurve | None = None,
) -> LinearResult:
    """Find the linear transform with the largest mean similarity (DISA, equation 2).

    One-slice volumes are moved within their plane.

    Args:
        fixed: features of the fixed image.
        moving: features of the moving image, made comparable by ``paired``.
        transform: "rigid", "affine" or "probe-pressure".
        search: range and effort.
        initial: a linear transform fixed -> moving (LPS mm), "centres" to bring the centres of the grids together, or
            "identity".
        probe: the probe of "probe-pressure"; then ``initial`` must be "identity".
        reporter: hears progress and is asked for cancellation.
        curve: hears the similarity; None begins a new curve.

    Returns:
        The transform and how sure it is.

    Raises:
        BadRequestError: unknown transform or initial transform.
    """
    if transform not in ("rigid", "affine", "probe-pressure"):
        raise BadRequestError(f'The transform "{transform}" is not linear; choose rigid or affine.')
    if transform == "probe-pressure" and (probe is None or initial != "identity"):
        raise BadRequestError("Probe pressure needs the place of the probe and roughly aligned volumes.")
    reporter = reporter or NullReporter()
    began = time.perf_counter()
    started = _initial_matrix(initial, fixed, moving)
    rigid = rigid_model(fixed, moving, started)
    starts = draw_starts(rigid, search.starts, search.rotation_deg, search.translation_mm, search.seed)
    curve = curve or SimilarityCurve(reporter)

    coarse = SampledObjective(
        coarser(fixed, search.coarse_factor),
        coarser(moving, search.coarse_factor),
        rigid,
        search.coarse_points,
        started,
        search.seed,
    )
    found = maximise(curve.over(coarse), starts, iterations=25, first_step_mm=8.0, tolerance_mm=0.5)
    reporter.progress("searching", 0.5)

    fine = SampledObjective(fixed, moving, rigid, search.points, started, search.seed + 1)
    candidates = _best_distinct(found, search.finalists, fine)
    refined = maximise(curve.over(fine), candidates, iterations=40, first_step_mm=2.0)
    reporter.progress("refining", 0.8)
    best = refined.parameters[refined.values.argmax()][None]
    spread = agreement_of_starts(coarse, found.parameters, best)
    initial_similarity = float(fine(torch.zeros_like(best))[0])
    similarity = float(refined.values.max())
    evaluations = coarse.evaluations + fine.evaluations

    model, pressure = rigid, None
    if transform != "rigid":
        model = wider_model(rigid, transform, probe)
        full = SampledObjective(fixed, moving, model, search.points, started, search.seed + 1)
        more = model.parameter_count - rigid.parameter_count
        padded = torch.cat((best, torch.zeros(1, more, dtype=best.dtype)), dim=1)
        optimum = maximise(curve.over(full), padded, iterations=80, first_step_mm=1.0, tolerance_mm=0.005)
        best, similarity = optimum.parameters, float(optimum.values[0])
        evaluations += full.evaluations
    if isinstance(model, ProbePressureModel):
        pressure = PressureMotion(model, best[0])
        model, best = rigid, best[:, : rigid.parameter_count]
    reporter.progress("aligned", 1.0)
    return LinearResult(
        transform=composed(linear_transform(model, best[0]), started),
        similarity=similarity,
        initial_similarity=initial_similarity,
        agreeing=spread[0],
        starts=search.starts,
        evaluations=evaluations,
        seconds=time.perf_counter() - began,
        spread_mm=spread[1],
        spread_deg=spread[2],
        pressure=pressure,
    )


class _Objective(Protocol):
    model: TransformModel

    def transformed_points(self, parameters: Tensor) -> Tensor: ...


def rigid_model(fixed: FeatureVolume, moving: FeatureVolume, started: np.ndarray) -> RigidModel:
    """Rotations about the weighted centre of the fixed volume; within the plane if both are single slices."""
    centre = started @ np.array([*_weighted_centre(fixed), 1.0])
    place = (float(centre[0]), float(centre[1]), float(centre[2]))
    if is_planar(fixed.geometry) and is_planar(moving.geometry):
        axes = tuple(float(value) for value in plane_axes(moving.geometry).ravel())
        return PlanarModel(place, _radius_mm(fixed), axes)
    return RigidModel(place, _radius_mm(fixed))


def wider_model(rigid: RigidModel, transform: str, probe: Probe | None) -> RigidModel:
    """The model whose first parameters are those of the rigid one."""
    if isinstance(rigid, PlanarModel):
        return replace(rigid, stretches=True)
    if probe is not None and transform == "probe-pressure":
        return ProbePressureModel(rigid.centre_mm, rigid.radius_mm, probe.position_mm, probe.beam, probe.depth_mm)
    return AffineModel(rigid.centre_mm, rigid.radius_mm)


def agreement_of_starts(objective: _Objective, parameters: Tensor, best: Tensor) -> tuple[int, float, float]:
    """How many starts ended near the best; root mean square distance (mm) and rotation (degrees) of those from it."""
    places = objective.transformed_points(parameters)
    squared = (places - objective.transformed_points(best)).square().sum(dim=2).mean(dim=1)
    near = squared.sqrt() <= _AGREEMENT_MM
    if not bool(near.any()):
        return 0, 0.0, 0.0
    linear = objective.model.matrices(parameters[near].double())[:, :, :3]
    relative = linear.transpose(1, 2) @ objective.model.matrices(best.double())[:, :, :3]
    cosine = ((relative.diagonal(dim1=1, dim2=2).sum(dim=1) - 1.0) / 2.0).clamp(-1.0, 1.0)
    degrees = torch.rad2deg(torch.arccos(cosine))
    return int(near.sum()), float(squared[near].mean().sqrt()), float(degrees.square().mean().sqrt())


def _best_distinct(found: Optimum, count: int, objective: SampledObjective) -> Tensor:
    """The parameters that the finer objective likes best, among twice as many that the coarse one liked."""
    order = found.values.argsort(descending=True)[: 2 * count]
    values, _ = objective(found.parameters[order])
    return found.parameters[order[values.argsort(descending=True)[:count]]]


def _initial_matrix(initial: sitk.Transform | str, fixed: FeatureVolume, moving: FeatureVolume) -> np.ndarray:
    if not isinstance(initial, str):
        return linear_matrix(initial)
    matrix = np.eye(4)
    if initial == "centres":
        matrix[:3, 3] = moving.geometry.centre_mm() - fixed.geometry.centre_mm()
    elif initial != "identity":
        raise BadRequestError(f'The initial transform "{initial}" is unknown: a transform, centres or identity.')
    return matrix


def _weighted_centre(volume: FeatureVolume) -> Sequence[float]:
    weights = volume.weights.double()
    axes = [torch.arange(size, dtype=torch.float64) for size in weights.shape]
    total = weights.sum()
    sums = [weights.sum(dim=[other for other in range(3) if other != axis]) for axis in range(3)]
    index = [float((place * mass).sum() / total) for place, mass in zip(axes, sums, strict=True)]
    return (volume.geometry.index_to_physical() @ np.array([*index, 1.0]))[:3]


def _radius_mm(volume: FeatureVolume) -> float:
    """Typical distance of points from the centre: a third of the grid's diagonal, never 0."""
    extent = [(size - 1) * step for size, step in zip(volume.geometry.size, volume.geometry.spacing_mm, strict=True)]
    return max(float(np.linalg.norm(extent)) / 3.0, 1.0)
