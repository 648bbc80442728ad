"""Continuous refinement of a displacement field for one pair (instance optimisation), by Adam."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mambamed.jobs.reporter import Reporter
from mambamed.registration.layers.box_filter import box_mean
from mambamed.registration.similarity_curve import SimilarityCurve

__all__ = ["Refined", "Refinement", "exponentiate", "field_similarity", "refine", "sample_at"]

_LEARNING_RATE_CELLS = 0.25
_SQUARINGS = 6
_SMOOTHNESS = 0.06
_CONSISTENCY = 0.05


@dataclass(frozen=True)
class Refinement:
    """How a field is refined.

    Attributes:
        iterations: of Adam.
        regularisation: factor of the smoothness term.
        diffeomorphic: the parameters are a stationary velocity, integrated by scaling and squaring.
        inverse_consistent: the similarity counts both ways, with fields that are each other's inverse.
    """

    iterations: int
    regularisation: float = 1.0
    diffeomorphic: bool = False
    inverse_consistent: bool = False


@dataclass(frozen=True)
class Refined:
    """What a refinement found, in cells of the grid, (1, 3, X, Y, Z).

    Attributes:
        displacement: of the refined field alone, without a base.
        velocity: the stationary velocity that it is the exponential of; None for a field that is no exponential.
    """

    displacement: Tensor
    velocity: Tensor | None = None


def refine(
    fixed: Tensor,
    moving: Tensor,
    weights: Tensor,
    margin: tuple[int, int, int],
    start: Tensor,
    backward_start: Tensor | None,
    settings: Refinement,
    reporter: Reporter,
    curve: SimilarityCurve,
    base: Tensor | None = None,
) -> Refined:
    """Maximise similarity minus roughness, beginning with a field.

    The field is a B-spline: parameters at every second cell, interpolated and smoothed twice. A base keeps what such a
    spline is too coarse for: a field that is applied after the refined one and stays as it is.

    Args:
        fixed: features (1, C, X, Y, Z).
        moving: features with ``margin`` more cells on each side.
        weights: (X, Y, Z), at least 0.
        margin: per axis.
        start: displacements (1, 3, X, Y, Z), cells.
        backward_start: displacements of the other direction, for ``inverse_consistent`` without velocity.
        settings: see ``Refinement``.
        reporter: hears progress, asked for cancellation.
        curve: hears the similarity.
        base: displacements (1, 3, X, Y, Z), cells: x goes to x + w(x) + base(x + w(x)), where w is refined. Not
            together with ``inverse_consistent``.
    """
    size = fixed.shape[2:]
    moving_weights = _moving_weights(moving, margin, size)
    importance = (weights / weights.mean().clamp_min(1e-12))[None, None]
    scale = _contrast(fixed, moving, margin, importance)
    fields = [start]
    both_ways = settings.inverse_consistent and not settings.diffeomorphic
    if both_ways and backward_start is not None:
        fields.append(backward_start)
    if settings.diffeomorphic:
        fields = [_velocity_of(start)]
    parameters = [_controls(field).requires_grad_() for field in fields]
    optimiser = torch.optim.Adam(parameters, lr=_LEARNING_RATE_CELLS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(settings.iterations, 1), eta_min=0.02)
    inner_moving = _inner(moving, margin, size)
    no_margin = (0, 0, 0)
    for step in range(settings.iterations):
        optimiser.zero_grad()
        smooth = [_spline(controls, size) for controls in parameters]
        forward = exponentiate(smooth[0]) if settings.diffeomorphic else smooth[0]
        total = forward if base is None else forward + sample_at(base, forward)
        similarity = field_similarity(fixed, moving, importance, margin, total)
        loss = -similarity / scale + settings.regularisation * _SMOOTHNESS * sum(_roughness(item) for item in smooth)
        if settings.inverse_consistent:
            backward = exponentiate(-smooth[0]) if settings.diffeomorphic else smooth[-1]
            other = field_similarity(inner_moving, fixed, moving_weights, no_margin, backward)
            loss = loss - other / scale
            if both_ways:
                there_and_back = forward + sample_at(backward, forward)
                loss = loss + _CONSISTENCY * there_and_back.square().sum(dim=1).mean()
        loss.backward()
        optimiser.step()
        schedule.step()
        curve.report(float(similarity.detach()))
        reporter.progress("refining displacements", (step + 1) / settings.iterations)
    with torch.no_grad():
        smooth = [_spline(controls, size) for controls in parameters]
        if settings.diffeomorphic:
            return Refined(exponentiate(smooth[0]), smooth[0])
        if both_ways:
            return Refined(_symmetric(smooth[0], smooth[-1]))
        return Refined(smooth[0])


def field_similarity(
    fixed: Tensor, moving: Tensor, importance: Tensor, margin: tuple[int, int, int], field: Tensor
) -> Tensor:
    """Weighted mean dot product of fixed features and moving ones at displaced places."""
    warped = sample_at(moving, field, margin)
    return ((fixed * warped).sum(dim=1, keepdim=True) * importance).mean() / importance.mean().clamp_min(1e-12)


def sample_at(volume: Tensor, field: Tensor, margin: tuple[int, int, int] = (0, 0, 0)) -> Tensor:
    """Sample (1, C, ...) at x + field(x) + margin, linearly; the border's values count beyond it."""
    positions = []
    for axis, count in enumerate(field.shape[2:]):
        shape = [1, 1, 1]
        shape[axis] = count
        index = torch.arange(count, dtype=field.dtype, device=field.device).reshape(shape) + margin[axis]
        span = max(volume.shape[2 + axis] - 1, 1)
        positions.append(2.0 * (field[:, axis] + index) / span - 1.0)
    grid = torch.stack(positions[::-1], dim=-1)
    return functional.grid_sample(volume, grid, align_corners=True, padding_mode="border")


def exponentiate(velocity: Tensor) -> Tensor:
    """Displacement after one unit of time of a stationary velocity (scaling and squaring, Arsigny et al. 2006)."""
    displacement = velocity / 2**_SQUARINGS
    for _ in range(_SQUARINGS):
        displacement = displacement + sample_at(displacement, displacement)
    return displacement


def _velocity_of(displacement: Tensor) -> Tensor:
    """A velocity whose exponential is near a displacement, by fixed-point iteration with smoothing."""
    velocity = displacement.clone()
    for _ in range(8):
        velocity = velocity + 0.5 * box_mean(displacement - exponentiate(velocity), 1)
    return velocity


def _symmetric(forward: Tensor, backward: Tensor) -> Tensor:
    """Make two fields each other's inverse by averaging each with the inverse of the other (15 rounds)."""
    for _ in range(15):
        forward, backward = (
            0.5 * (forward - sample_at(backward, forward)),
            0.5 * (backward - sample_at(forward, backward)),
        )
    return forward


def _controls(field: Tensor) -> Tensor:
    size = [max(1, -(-count // 2)) for count in field.shape[2:]]
    return functional.interpolate(field, size=size, mode="trilinear", align_corners=True).detach().clone()


def _spline(controls: Tensor, size: torch.Size) -> Tensor:
    field = functional.interpolate(controls, size=tuple(size), mode="trilinear", align_corners=True)
    field = box_mean(box_mean(field, 1), 1)
    # Single slices stay in their plane.
    moves = torch.tensor([float(count > 1) for count in size], dtype=field.dtype, device=field.device)
    return field * moves[None, :, None, None, None]


def _roughness(field: Tensor) -> Tensor:
    total = field.new_zeros(())
    for axis in (2, 3, 4):
        if field.shape[axis] > 1:
            total = total + field.diff(dim=axis).square().sum(dim=1).mean()
    return total


def _inner(volume: Tensor, margin: tuple[int, int, int], size: torch.Size) -> Tensor:
    index = [slice(None), slice(None)]
    index += [slice(first, first + count) for first, count in zip(margin, size, strict=True)]
    return volume[tuple(index)]


def _moving_weights(moving: Tensor, margin: tuple[int, int, int], size: torch.Size) -> Tensor:
    """Features of length 0 (outside the moving volume or its mask) do not count."""
    return (_inner(moving, margin, size).abs().sum(dim=1, keepdim=True) > 0).to(moving.dtype)


def _contrast(fixed: Tensor, moving: Tensor, margin: tuple[int, int, int], importance: Tensor) -> Tensor:
    """How much similarities of unrelated places differ: the unit in which similarity and roughness are weighed."""
    inner = _inner(moving, margin, fixed.shape[2:])
    values = []
    for axis in (2, 3, 4):
        if fixed.shape[axis] > 1:
            for shift in (2, 5):
                values.append((fixed * inner.roll(shift, dims=axis)).sum(dim=1, keepdim=True) * importance)
    return torch.cat(values).std().clamp_min(1e-12)
