"""Emphysema lesions of three kinds: planned once per patient on a grid of its own, then painted on any grid.

Centrilobular: holes in the middle of secondary lobules, mostly in the upper lungs, larger and confluent where there are
many. Paraseptal: one row of holes below the pleura, mostly above and in front. Panlobular: whole regions of thin
tissue with few vessels, mostly at the bases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mambamed.emphysema.phantom.fields import SmoothField
from mambamed.emphysema.phantom.grid import Grid
from mambamed.emphysema.phantom.settings import ChestPhantomSettings
from mambamed.emphysema.phantom.thorax import Thorax
from mambamed.emphysema.phantom.trees import paint_balls

__all__ = ["LesionPlan", "plan_lesions"]

_PLAN_SPACING_MM = 3.5
_LOBULE_MM = 13.0
_SOFT_EDGE = 0.06
_NO_BALLS = np.zeros((0, 4))


@dataclass(frozen=True)
class LesionPlan:
    """All lesions of one patient.

    Attributes:
        pattern: Kind of the lesions.
        balls: Holes (n, 4): centre and radius in mm, patient axes; for centrilobular and paraseptal lesions.
        threshold: For panlobular lesions: regions where ``score`` is above it.
        score: Function of points for panlobular lesions.
        lesion_hu: Mean HU inside.
    """

    pattern: str
    balls: np.ndarray
    threshold: float
    score: SmoothField | None
    lesion_hu: float

    def coverage(self, grid: Grid, lung_depth: np.ndarray) -> np.ndarray:
        """Return the share of each voxel (z, y, x) that lesions take, 0 to 1; nothing outside the lungs."""
        taken = np.zeros(grid.shape, dtype=np.float32)
        paint_balls(taken, self.balls, grid.box, grid.voxel_mm)
        if self.score is not None:
            for where in grid.slabs():
                value = (panlobular_score(self.score, grid.points(where)) - self.threshold) / _SOFT_EDGE
                taken[where] = 1.0 / (1.0 + np.exp(-np.clip(value, -30.0, 30.0)))
        taken[lung_depth <= 0.0] = 0.0
        return taken


def panlobular_score(field: SmoothField, points_mm: np.ndarray) -> np.ndarray:
    """Return where panlobular lesions come first: patchy, and more towards the bases."""
    return field(points_mm)[0] - 0.016 * points_mm[..., 2]


def plan_lesions(settings: ChestPhantomSettings, thorax: Thorax) -> LesionPlan:
    """Place lesions until they take ``settings.extent_percent`` of the lungs."""
    random = np.random.default_rng((settings.seed, 2))
    lesion_hu = float(random.uniform(-990.0, -976.0))
    target = settings.extent_percent / 100.0
    if settings.pattern == "none":
        return LesionPlan("none", _NO_BALLS, 0.0, None, lesion_hu)
    side = int(2.0 * 168.0 / _PLAN_SPACING_MM)
    grid = Grid((side, int(0.75 * side), side), (_PLAN_SPACING_MM,) * 3)
    depth = np.concatenate([np.maximum(*thorax.lung_depth(grid.points(where))) for where in grid.slabs()])
    lung = depth > 0.0
    if settings.pattern == "panlobular":
        field = SmoothField(34.0, (settings.seed, 20))
        score = np.concatenate([panlobular_score(field, grid.points(where)) for where in grid.slabs()])
        return LesionPlan("panlobular", _NO_BALLS, float(np.quantile(score[lung], 1.0 - target)), field, lesion_hu)
    make = _centrilobular if settings.pattern == "centrilobular" else _paraseptal
    candidates = make(target, settings.seed, thorax, random)
    return LesionPlan(settings.pattern, _take_until(candidates, target, grid, lung), 0.0, None, lesion_hu)


def _lattice(step_mm: float, random: np.random.Generator) -> np.ndarray:
    """Jittered points (n, 3) that fill the thorax."""
    axes = [np.arange(-half, half, step_mm) for half in (160.0, 115.0, 160.0)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return points + random.uniform(-0.28, 0.28, points.shape) * step_mm


def _ordered(points: np.ndarray, weight: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Order in which points are taken: at random, heavy ones mostly first."""
    return np.argsort(-(np.log(weight + 1e-6) + random.gumbel(size=len(points))))


def _centrilobular(target: float, seed: int, thorax: Thorax, random: np.random.Generator) -> np.ndarray:
    points = _lattice(_LOBULE_MM, random)
    depth = np.maximum(*thorax.lung_depth(points.astype(np.float32)))
    points = points[depth > 3.5]
    patchy = SmoothField(40.0, (seed, 21))(points.astype(np.float32))[0]
    weight = np.exp(0.028 * points[:, 2] + 1.1 * patchy)
    mean = np.interp(target, (0.0, 0.06, 0.2, 0.5, 0.7), (2.6, 3.8, 5.2, 7.2, 8.6))
    radius = mean * random.uniform(0.72, 1.3, len(points))
    return np.column_stack([points, radius])[_ordered(points, weight, random)]


def _paraseptal(target: float, seed: int, thorax: Thorax, random: np.random.Generator) -> np.ndarray:
    points = _lattice(8.0, random)
    depth = np.maximum(*thorax.lung_depth(points.astype(np.float32)))
    mean = np.interp(target, (0.0, 0.06, 0.16, 0.3), (3.6, 5.4, 8.0, 13.0))
    radius = mean * random.uniform(0.7, 1.35, len(points))
    below = (depth > 0.55 * radius) & (depth < 1.1 * radius + 1.0)
    points, radius = points[below], radius[below]
    patchy = SmoothField(45.0, (seed, 22))(points.astype(np.float32))[0]
    weight = np.exp(0.014 * points[:, 2] - 0.008 * points[:, 1] + 0.9 * patchy)
    order = _ordered(points, weight, random)
    points, radius = points[order], radius[order]
    kept: list[int] = []
    # Thin walls stay between neighbouring holes.
    for index in range(len(points)):
        gap = np.linalg.norm(points[kept] - points[index], axis=1) - (radius[kept] + radius[index]) if kept else None
        if gap is None or gap.min() > -0.3 * radius[index]:
            kept.append(index)
    return np.column_stack([points[kept], radius[kept]])


def _take_until(balls: np.ndarray, target: float, grid: Grid, lung: np.ndarray) -> np.ndarray:
    """Return the first balls that together take the target share of the lungs (all of them if they take less)."""
    coverage = np.zeros(grid.shape, dtype=np.float32)
    step = max(1, len(balls) // 40)
    for start in range(0, len(balls), step):
        paint_balls(coverage, balls[start : start + step], grid.box, grid.voxel_mm)
        if float(coverage[lung].sum()) >= target * float(lung.sum()):
            return balls[: start + step]
    return balls
