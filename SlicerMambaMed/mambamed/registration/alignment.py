"""Linear registration of a prepared pair with any similarity, and what every estimation gives back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from mambamed.errors import BadRequestError
from mambamed.jobs.reporter import Reporter
from mambamed.registration.blank import without_blank_parts
from mambamed.registration.disa.network import DISANet
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.intensity_registration import register_intensities
from mambamed.registration.linear import LinearResult
from mambamed.registration.linear import Probe
from mambamed.registration.linear import Search
from mambamed.registration.linear_registration import register_linear
from mambamed.registration.pair import ImagePair
from mambamed.registration.settings import FEATURE_METHODS
from mambamed.registration.settings import RegistrationSettings

__all__ = ["Alignment", "align_pair", "feature_options", "search_of"]

_QUICK_STARTS = 150


@dataclass(frozen=True)
class Alignment:
    """What an estimation found.

    Attributes:
        transform: fixed -> moving, LPS mm.
        similarity_before: of the initial transform.
        similarity_after: of the transform found.
        inverse: moving -> fixed where the estimation gives it, else None.
        restart_spread: how many starts agree, see docs/developer/registration.md; None without restarts.
        evaluations: transforms evaluated by the search.
        seconds: durations of stages.
    """

    transform: sitk.Transform
    similarity_before: float
    similarity_after: float
    inverse: sitk.Transform | None = None
    restart_spread: Mapping[str, float] | None = None
    evaluations: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)


def align_pair(
    pair: ImagePair,
    settings: RegistrationSettings,
    transform: str,
    network: DISANet | None,
    device: torch.device,
    reporter: Reporter,
) -> Alignment:
    """Find the rigid, affine or probe-pressure transform of a pair; blank parts of volumes without masks do not count.

    Args:
        pair: checked images.
        settings: method, search and effort.
        transform: which transform, whatever the settings name.
        network: DISA network, for the method "disa".
        device: where features are computed.
        reporter: hears progress and the similarity.
    """
    search = search_of(settings)
    pair = without_blank_parts(pair, settings.method, reporter)
    if settings.method in FEATURE_METHODS:
        found = register_linear(
            pair.fixed,
            pair.moving,
            settings.method,
            transform,
            spacing_mm=pair.working_spacing_mm * (1.5 if settings.effort == "quick" else 1.0),
            stride=settings.stride,
            search=search,
            initial=pair.initial,
            fixed_mask=pair.fixed_shown,
            region=pair.region,
            moving_mask=pair.moving_mask,
            network=network,
            describe_again=settings.effort == "standard",
            probe=_probe(pair, settings) if transform == "probe-pressure" else None,
            feature_options=feature_options(settings, device),
            cache=settings.cache,
            reporter=reporter,
        )
    else:
        found = register_intensities(pair, settings.method, transform, search, reporter)
    return Alignment(
        transform=found.transform,
        similarity_before=found.initial_similarity,
        similarity_after=found.similarity,
        restart_spread=_restart_spread(found),
        evaluations=found.evaluations,
        seconds={"search": found.seconds},
    )


def search_of(settings: RegistrationSettings) -> Search:
    """How far and how thoroughly the settings let search."""
    rotation_deg, translation_mm = settings.search_ranges
    is_global = settings.search.startswith("global")
    search = Search(
        starts=settings.starts if is_global else 1,
        rotation_deg=rotation_deg,
        translation_mm=translation_mm,
        seed=settings.seed,
    )
    if settings.effort == "quick":
        starts = min(search.starts, _QUICK_STARTS)
        search = replace(search, starts=starts, coarse_points=200, points=1500, finalists=5)
    return search


def feature_options(settings: RegistrationSettings, device: torch.device) -> dict[str, Any]:
    """Further arguments of ``describe_image``."""
    return {"sign_average": settings.sign_average, "device": device, "precision": settings.precision}


def _restart_spread(found: LinearResult) -> dict[str, float] | None:
    if found.starts < 2:
        return None
    return {
        "starts": found.starts,
        "agreeing": found.agreeing,
        "agreement_mm": found.agreement_mm,
        "spread_mm": found.spread_mm,
        "spread_deg": found.spread_deg,
    }


def _probe(pair: ImagePair, settings: RegistrationSettings) -> Probe:
    """The probe of the settings; what they leave open is taken from the volume's second axis, which runs into depth."""
    geometry = GridGeometry.of_image(pair.fixed)
    if pair.planar:
        raise BadRequestError("Probe pressure needs volumes; these are single slices. Choose rigid or affine.")
    beam = np.reshape(geometry.direction, (3, 3))[:, 1]
    if settings.beam_direction_lps is not None:
        beam = np.array(settings.beam_direction_lps)
    beam = beam / math.hypot(*beam)
    position = np.array(
        pair.fixed.TransformContinuousIndexToPhysicalPoint(
            [(geometry.size[0] - 1) / 2, 0.0, (geometry.size[2] - 1) / 2]
        )
    )
    if settings.probe_position_lps_mm is not None:
        position = np.array(settings.probe_position_lps_mm)
    last = np.array(geometry.size) - 1.0
    corners = [
        pair.fixed.TransformContinuousIndexToPhysicalPoint((np.array(ends) * last).tolist())
        for ends in np.ndindex(2, 2, 2)
    ]
    depth = settings.probe_depth_mm or max(float((np.array(corners) - position).dot(beam).max()), 1.0)
    x, y, z = (float(value) for value in position)
    along_x, along_y, along_z = (float(value) for value in beam)
    return Probe((x, y, z), (along_x, along_y, along_z), depth)
