"""Maximising an objective from many starts at once (BFGS), and drawing those starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mambamed.registration.transforms import TransformModel

__all__ = ["Optimum", "draw_starts", "maximise"]

_ARMIJO = 1e-4
_BACKTRACKS = 8


@dataclass(frozen=True)
class Optimum:
    """Where each start arrived.

    Attributes:
        parameters: (B, P).
        values: (B,), the similarity there.
        iterations: how many iterations were made.
    """

    parameters: Tensor
    values: Tensor
    iterations: int


def draw_starts(model: TransformModel, count: int, rotation_deg: float, translation_mm: float, seed: int = 0) -> Tensor:
    """Draw rigid starts: the identity first, the others uniform.

    Args:
        model: family of transforms.
        count: number of starts.
        rotation_deg: each component of the rotation vector lies within plus or minus this.
        translation_mm: each component of the translation lies within plus or minus this.
        seed: of the random draw.

    Returns:
        Parameters (count, P).
    """
    generator = torch.Generator().manual_seed(seed)
    uniform = 2.0 * torch.rand(count, 6, generator=generator, dtype=torch.float64) - 1.0
    uniform[0] = 0.0
    return model.parameters_of(uniform[:, :3] * math.radians(rotation_deg), uniform[:, 3:] * translation_mm)


def maximise(
    objective: Callable[[Tensor], tuple[Tensor, Tensor]],
    starts: Tensor,
    *,
    iterations: int = 50,
    first_step_mm: float = 4.0,
    tolerance_mm: float = 0.01,
) -> Optimum:
    """Run BFGS with backtracking from every start; all are evaluated together.

    Args:
        objective: (B, P) -> values (B,) and gradients (B, P).
        starts: (B, P), parameters in mm.
        iterations: most iterations.
        first_step_mm: length of the first trial step, before curvature is known; no later trial step is more than four
            times as long.
        tolerance_mm: a start rests once a step is shorter than this or cannot improve.

    Returns:
        The optimum reached from each start, in their order.
    """
    points = starts.detach().double().clone()
    count, size = points.shape
    values, gradients = objective(points)
    identity = torch.eye(size, dtype=torch.float64)
    scale = first_step_mm / gradients.norm(dim=1).clamp_min(1e-300)
    inverse = scale[:, None, None] * identity
    fresh = torch.ones(count, dtype=torch.bool)
    active = gradients.norm(dim=1) > 0
    made = 0
    for _ in range(iterations):
        rows = active.nonzero().flatten()
        if rows.numel() == 0:
            break
        made += 1
        direction = (inverse[rows] @ gradients[rows][:, :, None])[:, :, 0]
        uphill = (direction * gradients[rows]).sum(dim=1)
        lost = uphill <= 0
        if bool(lost.any()):
            direction[lost] = scale[rows][lost, None] * gradients[rows][lost]
            inverse[rows[lost]] = scale[rows][lost, None, None] * identity
            fresh[rows[lost]] = True
        direction = direction * (4.0 * first_step_mm / direction.norm(dim=1).clamp_min(1e-300)).clamp_max(1.0)[:, None]
        slope = (direction * gradients[rows]).sum(dim=1)
        accepted, new_points, new_values, new_gradients = _line_search(
            objective, points[rows], values[rows], direction, slope
        )
        step = new_points - points[rows]
        change = gradients[rows] - new_gradients
        inverse[rows], fresh[rows] = _updated_inverse(inverse[rows], step, change, fresh[rows], accepted)
        points[rows], values[rows], gradients[rows] = new_points, new_values, new_gradients
        active[rows] = accepted & (step.norm(dim=1) > tolerance_mm)
    return Optimum(points, values, made)


def _line_search(
    objective: Callable[[Tensor], tuple[Tensor, Tensor]],
    points: Tensor,
    values: Tensor,
    direction: Tensor,
    slope: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Halve the step until the objective has grown enough; (accepted, points, values, gradients) of every row."""
    accepted = torch.zeros(len(points), dtype=torch.bool)
    new_points, new_values, new_gradients = points.clone(), values.clone(), torch.zeros_like(points)
    length = 1.0
    for _ in range(_BACKTRACKS):
        rows = (~accepted).nonzero().flatten()
        if rows.numel() == 0:
            break
        trial = points[rows] + length * direction[rows]
        trial_values, trial_gradients = objective(trial)
        good = trial_values >= values[rows] + _ARMIJO * length * slope[rows]
        chosen = rows[good]
        new_points[chosen], new_values[chosen], new_gradients[chosen] = (
            trial[good],
            trial_values[good],
            trial_gradients[good],
        )
        accepted[chosen] = True
        length *= 0.5
    return accepted, new_points, new_values, new_gradients


def _updated_inverse(
    inverse: Tensor, step: Tensor, change: Tensor, fresh: Tensor, accepted: Tensor
) -> tuple[Tensor, Tensor]:
    """BFGS update of the inverse Hessians of minus the objective; skipped where the curvature is not positive."""
    curvature = (step * change).sum(dim=1)
    useful = accepted & (curvature > 1e-12 * step.norm(dim=1) * change.norm(dim=1))
    safe = torch.where(useful, curvature, torch.ones_like(curvature))
    # The first update replaces the guessed length by the measured curvature (Nocedal and Wright, equation 6.20).
    scaled = (curvature / (change**2).sum(dim=1).clamp_min(1e-300))[:, None, None] * torch.eye(step.shape[1])
    inverse = torch.where((useful & fresh)[:, None, None], scaled.to(inverse.dtype), inverse)
    ratio = 1.0 / safe
    projector = (
        torch.eye(step.shape[1], dtype=step.dtype) - ratio[:, None, None] * step[:, :, None] * change[:, None, :]
    )
    updated = (
        projector @ inverse @ projector.transpose(1, 2) + ratio[:, None, None] * step[:, :, None] * step[:, None, :]
    )
    return torch.where(useful[:, None, None], updated, inverse), fresh & ~useful
