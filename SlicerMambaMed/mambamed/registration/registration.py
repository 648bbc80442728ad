"""The way of two images through a registration: check, align, deform, measure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import SimpleITK as sitk
import torch

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import NullReporter
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter_part import ReporterPart
from mambamed.nn.device import choose_device
from mambamed.registration.alignment import Alignment
from mambamed.registration.alignment import align_pair
from mambamed.registration.disa.network import DISANet
from mambamed.registration.field_of_view import overlap_percent
from mambamed.registration.landmarks import landmark_errors_mm
from mambamed.registration.landmarks import landmark_quality
from mambamed.registration.pair import ImagePair
from mambamed.registration.pair import prepare_pair
from mambamed.registration.result import RegistrationResult
from mambamed.registration.result import build_result
from mambamed.registration.settings import RegistrationSettings
from mambamed.registration.similarity_map import similarity_map

__all__ = ["register", "register_pair"]

Points = Sequence[Sequence[float]]


def register(
    fixed: sitk.Image,
    moving: sitk.Image,
    method: str | None = None,
    transform: str | None = None,
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial_transform: sitk.Transform | None = None,
    fixed_landmarks: Points | None = None,
    moving_landmarks: Points | None = None,
    network: DISANet | None = None,
    reporter: Reporter | None = None,
    **settings: Any,
) -> RegistrationResult:
    """Register two images.

    Args:
        fixed: image that stays (LPS, mm, any orientation); 2D images are taken as one slice, colours as luminance.
        moving: image that is moved onto it.
        method: ``disa`` (default), ``mind-ssc``, ``lc2``, ``ncc``, ``mattes``, or ``network:<model id or folder>``.
        transform: ``rigid`` (default; a network's is deformable), ``affine``, ``probe-pressure``, ``deformable``.
        fixed_mask: where the fixed image counts.
        moving_mask: where the moving image counts.
        initial_transform: linear transform fixed -> moving where the search begins.
        fixed_landmarks: points (N, 3) in LPS mm, to measure the result.
        moving_landmarks: their partners.
        network: DISA network to use instead of the settings' model.
        reporter: hears progress, warnings and similarity; asked for cancellation.
        **settings: further fields of ``RegistrationSettings``, for example ``preset="head-mr-ct"``.

    Returns:
        The transform fixed -> moving with what follows from it.

    Raises:
        BadRequestError: images or settings that cannot be used.

    Example:
        >>> result = register(ct, mr, preset="head-mr-ct")  # doctest: +SKIP
        >>> result.quality["restart_spread"]["agreeing"]  # doctest: +SKIP
        412
    """
    for name, value in (("method", method), ("transform", transform)):
        if value is not None:
            settings[name] = value
    if initial_transform is not None:
        settings.setdefault("initial", "transform")
    return register_pair(
        fixed,
        moving,
        RegistrationSettings.from_json(settings),
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        initial_transform=initial_transform,
        fixed_landmarks=fixed_landmarks,
        moving_landmarks=moving_landmarks,
        network=network,
        reporter=reporter,
    )


def register_pair(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: RegistrationSettings,
    *,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial_transform: sitk.Transform | None = None,
    fixed_landmarks: Points | None = None,
    moving_landmarks: Points | None = None,
    network: DISANet | None = None,
    reporter: Reporter | None = None,
) -> RegistrationResult:
    """Register two images with checked settings; arguments as for ``register``."""
    reporter = reporter or NullReporter()
    began = time.perf_counter()
    device = choose_device(settings.device)
    landmarks = _paired_landmarks(fixed_landmarks, moving_landmarks)
    reporter.progress("checking the volumes", 0.0)
    pair = prepare_pair(fixed, moving, settings, reporter, fixed_mask, moving_mask, initial_transform)
    reporter.check_cancelled()
    if settings.compared_by == "disa" and network is None:
        network = _network(settings.model)
    found = _estimate(pair, settings, network, device, ReporterPart(reporter, 0.02, 0.85))
    reporter.check_cancelled()
    if overlap_percent(pair.fixed, pair.moving, found.transform, pair.fixed_mask, pair.moving_mask) == 0.0:
        raise BadRequestError(
            "The search ended where the volumes do not overlap; begin closer (aligned centres, an initial transform), "
            "or search a smaller range."
        )
    reporter.progress("measuring the result", 0.86)
    aligned = time.perf_counter()
    result = build_result(
        pair.fixed,
        pair.moving_as_given,
        found.transform,
        inverse=found.inverse,
        quality=_quality(pair, found, settings, landmarks),
    )
    if settings.similarity_map:
        reporter.progress("mapping the similarity", 0.93)
        result = replace(
            result, similarity_map=similarity_map(pair, found.transform, settings, network=network, device=device)
        )
    reporter.check_cancelled()
    durations = {"estimate": aligned - began, "measure": time.perf_counter() - aligned}
    reporter.progress("done", 1.0)
    return replace(result, record=_record(pair, found, settings, device, durations))


def _estimate(
    pair: ImagePair, settings: RegistrationSettings, network: DISANet | None, device: torch.device, reporter: Reporter
) -> Alignment:
    if settings.network is not None:
        from mambamed.registration.networks.model import load_network
        from mambamed.registration.one_pass.predict import predict_pair

        model = load_network(settings.network, device=settings.device)
        return predict_pair(pair, settings, model, network, device, reporter)
    if settings.transform != "deformable":
        return align_pair(pair, settings, settings.transform, network, device, reporter)
    from mambamed.registration.deformable.estimate import deform_pair

    return deform_pair(pair, settings, network, device, reporter)


def _network(model: str) -> DISANet:
    from mambamed.registration.disa.weights import load_network

    return load_network(model)


def _paired_landmarks(fixed: Points | None, moving: Points | None) -> tuple[Points, Points] | None:
    if fixed is None and moving is None:
        return None
    if fixed is None or moving is None:
        raise BadRequestError("Landmarks are given for one volume only; give their partners in the other, too.")
    landmark_errors_mm(sitk.Transform(3, sitk.sitkIdentity), fixed, moving)  # refuses lists of different lengths
    return fixed, moving


def _quality(
    pair: ImagePair, found: Alignment, settings: RegistrationSettings, landmarks: tuple[Points, Points] | None
) -> dict[str, Any]:
    masks = (pair.fixed_mask, pair.moving_mask)
    quality: dict[str, Any] = {
        "similarity": {
            "name": settings.compared_by,
            "before": found.similarity_before,
            "after": found.similarity_after,
        },
        "overlap_percent": {
            "before": overlap_percent(pair.fixed, pair.moving, pair.initial, *masks),
            "after": overlap_percent(pair.fixed, pair.moving, found.transform, *masks),
        },
    }
    if found.restart_spread is not None:
        quality["restart_spread"] = dict(found.restart_spread)
    if landmarks is not None:
        quality["landmarks"] = landmark_quality(pair.initial, found.transform, *landmarks)
    return quality


def _record(
    pair: ImagePair,
    found: Alignment,
    settings: RegistrationSettings,
    device: torch.device,
    durations: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "settings": settings.to_json(),
        "device": str(device),
        "seed": settings.seed,
        "working_spacing_mm": pair.working_spacing_mm,
        "evaluations": found.evaluations,
        "estimate_seconds": {name: round(value, 3) for name, value in {**durations, **found.seconds}.items()},
    }
