"""Discrete displacement search with convex coupling (Heinrich et al., WBIR 2014).

Every displacement of a window is compared explicitly at every cell. Then two steps alternate: each cell takes the
displacement that is cheapest, with a quadratic penalty on its distance from the smooth field; the field is the smoothed
choice. The penalty grows from round to round until both agree.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mambamed.jobs.reporter import Reporter
from mambamed.registration.layers.box_filter import box_mean

__all__ = ["SearchPlan", "plan_search", "search_displacements"]

_COUPLING = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_MOST_COSTS = 160_000_000
_CHUNK = 4096


@dataclass(frozen=True)
class SearchPlan:
    """How a search is carried out.

    Attributes:
        factor: feature cells per search cell along axes with several samples.
        radius: search cells in each direction.
        margin_cells: feature cells that the moving features need beyond the fixed grid.
    """

    factor: int
    radius: int
    margin_cells: int


def plan_search(size: tuple[int, int, int], cell_mm: float, range_mm: float) -> SearchPlan:
    """Choose the finest search grid whose table of costs stays within about 640 MB."""
    factor = 1
    while True:
        radius = max(1, round(range_mm / (cell_mm * factor)))
        axes = sum(count > 1 for count in size)
        cells = 1.0
        for count in size:
            cells *= -(-count // factor)
        if cells * (2 * radius + 1) ** axes <= _MOST_COSTS:
            return SearchPlan(factor, radius, radius * factor)
        factor += 1


def search_displacements(
    fixed: Tensor, moving: Tensor, weights: Tensor, plan: SearchPlan, regularisation: float, reporter: Reporter
) -> Tensor:
    """Find a smooth displacement field by explicit search.

    Args:
        fixed: features (1, C, X, Y, Z); dot products are similarities.
        moving: features with ``plan.margin_cells`` more cells on each side of axes with several samples.
        weights: (X, Y, Z), at least 0: how much a cell counts.
        plan: see ``plan_search``.
        regularisation: factor of the coupling; larger gives smoother fields.
        reporter: hears progress and is asked for cancellation.

    Returns:
        Displacements (1, 3, X, Y, Z) in feature cells, from the fixed grid into the moving one.
    """
    steps = [plan.factor if count > 1 else 1 for count in fixed.shape[2:]]
    radii = [plan.radius if count > 1 else 0 for count in fixed.shape[2:]]
    first, second = (_pooled(features, steps) for features in (fixed, moving))
    importance = _pooled(weights[None, None], steps)
    size = first.shape[2:]
    offsets = torch.tensor(
        list(itertools.product(*(range(-radius, radius + 1) for radius in radii))), dtype=torch.float32
    ).to(fixed.device)
    costs = torch.empty(size.numel(), len(offsets), device=fixed.device)
    for number, offset in enumerate(offsets.int().tolist()):
        if number % 50 == 0:
            reporter.check_cancelled()
            reporter.progress("searching displacements", 0.7 * number / len(offsets))
        window = [slice(None), slice(None)]
        window += [
            slice(radius + step, radius + step + count) for radius, step, count in zip(radii, offset, size, strict=True)
        ]
        product = (first * second[tuple(window)]).sum(dim=1, keepdim=True)
        costs[:, number] = -box_mean(product * importance, 1).flatten()
    # Typical contrast of a cell's costs is 1, whatever the features: the coupling means the same for all.
    scale = costs.std(dim=1).mean().clamp_min(1e-12) if len(offsets) > 1 else torch.ones(())
    costs /= scale
    field = _smooth(_cheapest(costs, offsets, None, 0.0, size))
    for number, coupling in enumerate(_COUPLING):
        reporter.check_cancelled()
        reporter.progress("coupling displacements", 0.7 + 0.3 * (number + 1) / len(_COUPLING))
        field = _smooth(_cheapest(costs, offsets, field, coupling * regularisation, size))
    return _upsampled(field, steps, fixed.shape[2:])


def _pooled(features: Tensor, steps: list[int]) -> Tensor:
    if max(steps) == 1:
        return features
    return functional.avg_pool3d(features, steps, ceil_mode=True, count_include_pad=False)


def _cheapest(costs: Tensor, offsets: Tensor, field: Tensor | None, coupling: float, size: torch.Size) -> Tensor:
    """The offset with the least cost plus coupling times squared distance from the field, at every cell."""
    chosen = torch.empty(len(costs), dtype=torch.long, device=costs.device)
    near = None if field is None else field[0].flatten(1).T
    penalty = coupling * (offsets**2).sum(dim=1)
    for start in range(0, len(costs), _CHUNK):
        rows = costs[start : start + _CHUNK]
        if near is not None:
            # The squared length of the field itself is the same for all offsets.
            rows = torch.addmm(rows, near[start : start + _CHUNK], offsets.T, alpha=-2.0 * coupling) + penalty
        chosen[start : start + _CHUNK] = rows.argmin(dim=1)
    return offsets[chosen].T.reshape(1, 3, *size)


def _smooth(field: Tensor) -> Tensor:
    return box_mean(box_mean(field, 1), 1)


def _upsampled(field: Tensor, steps: list[int], size: torch.Size) -> Tensor:
    """From search cells, whose centres are the middles of their blocks, to feature cells."""
    if max(steps) == 1:
        return field
    target = [count * step for count, step in zip(field.shape[2:], steps, strict=True)]
    fine = functional.interpolate(field, size=target, mode="trilinear", align_corners=False)
    factor = torch.tensor(steps, dtype=field.dtype, device=field.device)[None, :, None, None, None]
    return fine[:, :, : size[0], : size[1], : size[2]] * factor
