"""What one-pass networks are compared with on a pair of heads: each begins with the same affine alignment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from mambamed.registration.field_measures import jacobian_image
from mambamed.registration.registration import register

__all__ = ["METHODS", "Outcome", "affine_start", "run_method"]

METHODS = ("network", "network+mind-ssc", "network+disa", "disa", "mind-ssc", "b-spline")
"""The network alone, refined with a similarity, and the deformable methods that need no network."""

_ITERATIONS = 30
_MESHES = ((50.0, 2), (25.0, 1))
"""Distance of control points in mm and shrink factor of the volumes, one after the other."""
_BINS = 32
_SAMPLED = 0.01
_STEPS = 30


@dataclass(frozen=True)
class Outcome:
    """What a method found: transform fixed -> moving, folded voxels of the fixed grid, processor seconds."""

    transform: sitk.Transform
    folded_percent: float
    seconds: float
    network_seconds: float | None = None


def affine_start(fixed: sitk.Image, moving: sitk.Image, initial: str = "header") -> Outcome:
    """The affine alignment from which every method begins: MIND-SSC, from many starts around the first one.

    Args:
        fixed: the volume that stays.
        moving: the volume that is moved.
        initial: "header" for the positions of the files, "centre" for aligned centres.
    """
    begun = time.process_time()
    result = register(
        fixed, moving, "mind-ssc", "affine", initial=initial, search="global-narrow", cache=False, device="cpu"
    )
    return Outcome(result.transform, 0.0, time.process_time() - begun)


def run_method(
    method: str, fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform, models: Mapping[str, str]
) -> Outcome:
    """Register a pair deformably.

    Args:
        method: one of ``METHODS``.
        fixed: the volume that stays.
        moving: the volume that is moved.
        start: affine, fixed -> moving.
        models: "network" and "disa": names, folders or files of models.
    """
    if method == "b-spline":
        return _b_spline(fixed, moving, start)
    begun = time.process_time()
    settings: dict[str, Any] = {"method": method, "transform": "deformable", "model": models["disa"]}
    if method.startswith("network"):
        settings["method"] = f"network:{models['network']}"
        _, _, similarity = method.partition("+")
        settings |= {"refine": bool(similarity), "similarity": similarity or "mind-ssc", "iterations": _ITERATIONS}
    result = register(fixed, moving, **settings, initial_transform=start, search="none", cache=False, device="cpu")
    seconds = time.process_time() - begun
    network = result.record["estimate_seconds"].get("network")
    return Outcome(result.transform, result.quality["folded_percent"], seconds, network)


def _b_spline(fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform) -> Outcome:
    """SimpleITK's B-spline with Mattes mutual information: control points 50 mm apart, then another one with 25 mm."""
    begun = time.process_time()
    fixed, moving = (sitk.Cast(image, sitk.sitkFloat32) for image in (fixed, moving))
    extent = np.array(fixed.GetSize()) * fixed.GetSpacing()
    # The last transform of a composite is applied first.
    found = sitk.CompositeTransform([start])
    for mesh_mm, shrink in _MESHES:
        mesh = np.maximum(1, np.round(extent / mesh_mm)).astype(int).tolist()
        spline = sitk.BSplineTransformInitializer(fixed, mesh, 3)
        registration = sitk.ImageRegistrationMethod()
        registration.SetMetricAsMattesMutualInformation(_BINS)
        registration.SetMetricSamplingStrategy(registration.RANDOM)
        registration.SetMetricSamplingPercentage(min(1.0, _SAMPLED * shrink**3), seed=1)
        registration.SetInterpolator(sitk.sitkLinear)
        registration.SetInitialTransform(spline, inPlace=True)
        registration.SetShrinkFactorsPerLevel([shrink])
        registration.SetSmoothingSigmasPerLevel([float(shrink)])
        registration.SetOptimizerAsLBFGSB(numberOfIterations=_STEPS)
        # A spline cannot be refined through another one: each stage registers what the former ones have moved.
        registration.Execute(fixed, sitk.Resample(moving, fixed, found, sitk.sitkLinear))
        found = sitk.CompositeTransform([found, spline])
    seconds = time.process_time() - begun
    folded = float((sitk.GetArrayViewFromImage(jacobian_image(found, fixed)) <= 0).mean())
    return Outcome(found, 100.0 * folded, seconds)
