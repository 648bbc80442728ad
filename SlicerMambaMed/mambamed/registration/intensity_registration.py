"""Linear registration with similarities of whole volumes: LC2, normalised correlation, Mattes mutual information."""

from __future__ import annotations

import time

import torch

from mambamed.jobs.reporter import Reporter
from mambamed.registration.intensity_objective import IntensityObjective
from mambamed.registration.intensity_objective import level_volume
from mambamed.registration.linear import LinearResult
from mambamed.registration.linear import Search
from mambamed.registration.linear import agreement_of_starts
from mambamed.registration.linear import rigid_model
from mambamed.registration.linear import wider_model
from mambamed.registration.optimise import draw_starts
from mambamed.registration.optimise import maximise
from mambamed.registration.pair import ImagePair
from mambamed.registration.similarity_curve import SimilarityCurve
from mambamed.registration.transforms import composed
from mambamed.registration.transforms import linear_matrix
from mambamed.registration.transforms import linear_transform

__all__ = ["register_intensities"]

_CLIMBING_STARTS = 8
_SPACING_FACTORS = {"lc2": (3.0, 2.0), "ncc": (3.0, 1.5), "mattes": (4.0, 2.0)}
"""Coarse and fine resolution as multiples of the working spacing; LC2 looks at cubes of up to 15 voxels anyway."""


def register_intensities(
    pair: ImagePair, method: str, transform: str, search: Search, reporter: Reporter
) -> LinearResult:
    """Find the rigid or affine transform of a pair by a similarity that is no dot product of features.

    Every start is evaluated on coarse volumes, the best climb there, and the best of those climbs on finer volumes.
    These similarities look at every voxel: a global search takes minutes where features take seconds. The agreement of
    starts is that of those that climbed.

    Args:
        pair: checked images.
        method: "lc2", "ncc" or "mattes".
        transform: "rigid" or "affine".
        search: range and effort.
        reporter: hears progress and the similarity, asked for cancellation.
    """
    began = time.perf_counter()
    curve = SimilarityCurve(reporter)
    started = linear_matrix(pair.initial)
    coarse_pair, fine_pair = (
        (
            level_volume(pair.fixed, factor * pair.working_spacing_mm, pair.fixed_shown, pair.region),
            level_volume(pair.moving, factor * pair.working_spacing_mm, pair.moving_mask),
        )
        for factor in _SPACING_FACTORS[method]
    )
    rigid = rigid_model(*coarse_pair, started)
    starts = draw_starts(rigid, search.starts, search.rotation_deg, search.translation_mm, search.seed)
    coarse = IntensityObjective(*coarse_pair, rigid, method, started)
    if len(starts) > _CLIMBING_STARTS:
        values = torch.empty(len(starts), dtype=torch.float64)
        for number, start in enumerate(starts):
            reporter.check_cancelled()
            values[number] = coarse.value(start)
            reporter.progress("trying starts", 0.4 * (number + 1) / len(starts))
        starts = starts[values.argsort(descending=True)[:_CLIMBING_STARTS]]
    reporter.progress("searching", 0.4)
    climbed = maximise(curve.over(coarse), starts, iterations=30, first_step_mm=6.0, tolerance_mm=0.1)
    best = climbed.parameters[climbed.values.argmax()][None]
    agreement = agreement_of_starts(coarse, climbed.parameters, best)
    reporter.progress("refining", 0.7)
    fine = IntensityObjective(*fine_pair, rigid, method, started)
    refined = maximise(curve.over(fine), best, iterations=30, first_step_mm=1.0, tolerance_mm=0.05)
    best, similarity, model = refined.parameters, float(refined.values[0]), rigid
    before = fine.value(torch.zeros(rigid.parameter_count))
    evaluations = coarse.evaluations + fine.evaluations
    if transform == "affine":
        reporter.progress("refining", 0.85)
        model = wider_model(rigid, transform, None)
        full = IntensityObjective(*fine_pair, model, method, started)
        more = torch.zeros(1, model.parameter_count - rigid.parameter_count, dtype=best.dtype)
        padded = torch.cat((best, more), dim=1)
        optimum = maximise(curve.over(full), padded, iterations=40, first_step_mm=1.0, tolerance_mm=0.05)
        best, similarity = optimum.parameters, float(optimum.values[0])
        evaluations += full.evaluations
    reporter.progress("aligned", 1.0)
    return LinearResult(
        transform=composed(linear_transform(model, best[0]), started),
        similarity=similarity,
        initial_similarity=before,
        agreeing=agreement[0],
        starts=len(starts),
        evaluations=evaluations,
        seconds=time.perf_counter() - began,
        spread_mm=agreement[1],
        spread_deg=agreement[2],
    )
