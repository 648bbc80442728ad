"""The compared methods, each ready to start from many poses of one case."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import SimpleITK as sitk

from mambamed.jobs.reporter import NullReporter
from mambamed.registration.blank import shown_part
from mambamed.registration.blank import without_blank_parts
from mambamed.registration.disa.network import DISANet
from mambamed.registration.evidence.cases import CaptureCase
from mambamed.registration.features import describe_image
from mambamed.registration.features import paired
from mambamed.registration.field_of_view import different_fields_ml
from mambamed.registration.intensity_registration import register_intensities
from mambamed.registration.linear import LOCAL_SEARCH
from mambamed.registration.linear import WIDE_SEARCH
from mambamed.registration.linear import align_features
from mambamed.registration.linear_registration import register_linear
from mambamed.registration.pair import prepare_pair
from mambamed.registration.settings import FEATURE_METHODS
from mambamed.registration.settings import RegistrationSettings

__all__ = ["METHODS", "Outcome", "ReadyMethod", "best_pose", "ready_method"]

METHODS = ("disa", "mind-ssc", "mattes", "lc2")


@dataclass(frozen=True)
class Outcome:
    """Where a registration ended: transform fixed -> moving, transforms evaluated, seconds of processor time."""

    transform: sitk.Transform
    evaluations: int
    seconds: float


@dataclass(frozen=True)
class ReadyMethod:
    """A method for one case.

    Attributes:
        preparation_seconds: processor time of what is done once, the features.
        run: registers from a transform, searching locally (False) or with 500 starts around it (True).
    """

    preparation_seconds: float
    run: Callable[[sitk.AffineTransform, bool], Outcome]


def ready_method(method: str, case: CaptureCase, network: DISANet | None = None) -> ReadyMethod:
    """Prepare a method for a case: features once for all starts, or nothing for LC2 and mutual information.

    Features are those of the two images as they lie: the second description of the turned image, which
    ``register_linear`` adds for the last millimetre, is left out here (see ``best_pose``).
    """
    if method not in FEATURE_METHODS:
        return ReadyMethod(0.0, lambda start, is_global: _by_intensities(method, case, start, is_global))
    began = time.process_time()
    masks = _masks(case)
    fixed, moving = paired(
        describe_image(case.fixed, method, mask=masks[0], network=network),
        describe_image(case.moving, method, mask=masks[1], network=network),
        method,
    )
    seconds = time.process_time() - began

    def run(start: sitk.AffineTransform, is_global: bool) -> Outcome:
        begun = time.process_time()
        found = align_features(fixed, moving, search=WIDE_SEARCH if is_global else LOCAL_SEARCH, initial=start)
        return Outcome(found.transform, found.evaluations, time.process_time() - begun)

    return ReadyMethod(seconds, run)


def best_pose(method: str, case: CaptureCase, network: DISANet | None = None) -> Outcome:
    """The whole local registration, as ``register`` does it, begun at the truth: how far away the optimum lies."""
    if method not in FEATURE_METHODS:
        return _by_intensities(method, case, case.truth, False)
    begun = time.process_time()
    masks = _masks(case)
    found = register_linear(
        case.fixed,
        case.moving,
        method,
        initial=case.truth,
        fixed_mask=masks[0],
        moving_mask=masks[1],
        network=network,
    )
    return Outcome(found.transform, found.evaluations, time.process_time() - begun)


def _masks(case: CaptureCase) -> list[sitk.Image | None]:
    """The masks of both images as ``register`` has them, which leaves out blank parts where fields of view differ."""
    masks = [case.fixed_mask, case.moving_mask]
    if different_fields_ml(case.fixed, case.moving, *masks) is None:
        return masks
    return [
        shown_part(image) if mask is None else mask
        for mask, image in zip(masks, (case.fixed, case.moving), strict=True)
    ]


def _by_intensities(method: str, case: CaptureCase, start: sitk.AffineTransform, is_global: bool) -> Outcome:
    begun = time.process_time()
    settings = RegistrationSettings(method=method, initial="transform", search="global-wide", working_spacing_mm=2.0)
    pair = prepare_pair(case.fixed, case.moving, settings, NullReporter(), case.fixed_mask, case.moving_mask, start)
    pair = without_blank_parts(pair, method, NullReporter())
    search = WIDE_SEARCH if is_global else LOCAL_SEARCH
    found = register_intensities(pair, method, "rigid", search, NullReporter())
    return Outcome(found.transform, found.evaluations, time.process_time() - begun)
