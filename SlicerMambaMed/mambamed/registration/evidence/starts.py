"""Starting transforms at a chosen distance from the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mambamed.registration.evidence.cases import CaptureCase
from mambamed.registration.evidence.cases import error_mm
from mambamed.registration.evidence.cases import rigid_transform

__all__ = ["BINS_MM", "Start", "draw_starts_for"]

BINS_MM = ((0.0, 25.0), (25.0, 50.0), (50.0, 75.0), (75.0, 100.0))
_LARGEST_ROTATION_DEG = 40.0


@dataclass(frozen=True)
class Start:
    """Where a registration begins.

    Attributes:
        group: index into ``BINS_MM``, or -1 for the starts within the case's ``near`` range.
        transform: fixed -> moving.
        initial_error_mm: mean over the case's points.
    """

    group: int
    transform: sitk.AffineTransform
    initial_error_mm: float


def draw_starts_for(case: CaptureCase, per_bin: int, near: int, seed: int = 0) -> list[Start]:
    """Draw starts: ``per_bin`` for each bin of initial errors, then ``near`` within the case's near range.

    In the bins the error is uniform, the rotation about a random axis is up to 40 degrees (less for small errors, where
    it would exceed the error by itself), and the rest of the error is a shift in a random direction.
    """
    rng = np.random.default_rng([seed, len(case.name)])
    centre = case.points_mm.mean(axis=0)
    starts = []
    for group, (low, high) in enumerate(BINS_MM):
        for _ in range(per_bin):
            wanted = rng.uniform(low, high)
            angle = rng.uniform(0.0, min(_LARGEST_ROTATION_DEG, wanted))
            axis, direction = _unit(rng), _unit(rng)
            shift = _shift_for(case, centre, angle * axis, direction, wanted)
            starts.append(_start(case, group, rigid_transform(angle * axis, shift * direction, centre)))
    rotation, translation = case.near
    for _ in range(near):
        step = rigid_transform(rng.uniform(-rotation, rotation, 3), rng.uniform(-translation, translation, 3), centre)
        starts.append(_start(case, -1, step))
    return starts


def _start(case: CaptureCase, group: int, step: sitk.AffineTransform) -> Start:
    """The step, then the truth, as one affine transform."""
    matrix = np.reshape(case.truth.GetMatrix(), (3, 3)) @ np.reshape(step.GetMatrix(), (3, 3))
    zero = np.array(case.truth.TransformPoint(step.TransformPoint((0.0, 0.0, 0.0))))
    transform = sitk.AffineTransform(matrix.ravel().tolist(), zero.tolist())
    return Start(group, transform, error_mm(transform, case.truth, case.points_mm))


def _shift_for(
    case: CaptureCase,
    centre: NDArray[np.float64],
    rotation: NDArray[np.float64],
    direction: NDArray[np.float64],
    wanted_mm: float,
) -> float:
    """Length of the shift with which the mean error is as wanted, by bisection (the error grows with the shift)."""
    identity = sitk.Transform(3, sitk.sitkIdentity)
    low, high = 0.0, 2.0 * wanted_mm + 1.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        found = error_mm(rigid_transform(rotation, middle * direction, centre), identity, case.points_mm)
        low, high = (middle, high) if found < wanted_mm else (low, middle)
    return low


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))
