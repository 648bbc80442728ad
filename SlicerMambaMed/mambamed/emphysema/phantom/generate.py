"""Make a chest CT phantom: anatomy, trees, lesions, scan; with its label map, lesion mask and severity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mambamed.emphysema.phantom.draw import ThoraxDraw
from mambamed.emphysema.phantom.draw import draw_thorax
from mambamed.emphysema.phantom.grid import Grid
from mambamed.emphysema.phantom.lesions import plan_lesions
from mambamed.emphysema.phantom.scanner import scan
from mambamed.emphysema.phantom.settings import LABELS
from mambamed.emphysema.phantom.settings import PATTERNS
from mambamed.emphysema.phantom.settings import ChestPhantomSettings
from mambamed.emphysema.phantom.thorax import Thorax
from mambamed.emphysema.phantom.trees import grow_tree
from mambamed.emphysema.phantom.trees import paint_tree

__all__ = ["ChestPhantom", "make_chest_phantom"]

_VESSEL_TARGETS = 230
_AIRWAY_TARGETS = 48
_AIRWAY_WALL_MM = 1.3
_AIRWAY_HU = -995.0
_WALL_HU = -10.0
_VESSEL_HU = 40.0
_ENHANCED_VESSEL_HU = 250.0


@dataclass(frozen=True)
class ChestPhantom:
    """A phantom and everything that is known of it. All images lie on one grid.

    Attributes:
        settings: What it was made from.
        ct: HU, int16.
        labels: 1 left lung, 2 right lung, 3 airways (trachea and bronchi with walls), 0 elsewhere; uint8. Vessels in
            the lungs belong to them.
        lesions: Value of the kind of lesion (1 centrilobular, 2 paraseptal, 3 panlobular) where lesions take more than
            half of a lung voxel; uint8.
        severity: ``none``, ``mild``, ``moderate`` or ``severe``.
        lesion_percent: Share of the lungs that ``lesions`` takes on this grid.
    """

    settings: ChestPhantomSettings
    ct: sitk.Image
    labels: sitk.Image
    lesions: sitk.Image
    severity: str
    lesion_percent: float


def make_chest_phantom(settings: ChestPhantomSettings) -> ChestPhantom:
    """Make the phantom that the settings describe; the same settings give the same voxels.

    Example:
        >>> phantom = make_chest_phantom(ChestPhantomSettings(seed=7, pattern="centrilobular", extent_percent=15.0))
        >>> phantom.severity
        'moderate'
    """
    draw = draw_thorax(settings)
    thorax = Thorax(draw, settings.contrast_agent, settings.table, settings.bowel_gas)
    grid = Grid(settings.size, settings.spacing_mm, settings.direction, settings.centre_mm)
    shape = grid.shape
    left, right = np.empty(shape, np.float32), np.empty(shape, np.float32)
    parenchyma, around = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for where in grid.slabs():
        points = grid.points(where)
        left[where], right[where] = thorax.lung_depth(points)
        parenchyma[where] = thorax.parenchyma_hu(points, grid.voxel_mm)
        around[where] = thorax.surroundings_hu(points)
    depth = np.maximum(left, right)

    plan = plan_lesions(settings, thorax)
    lesion = plan.coverage(grid, depth)
    vessels, lumen, wall = _paint_trees(draw, thorax, grid)

    # Where tissue is destroyed, vessels are fewer and thinner; texture goes too.
    vessel_share = vessels * (1.0 - 0.55 * lesion)
    lung_hu = parenchyma * (1.0 - lesion) + (plan.lesion_hu + 0.3 * (parenchyma - draw.parenchyma_hu)) * lesion
    blood = _ENHANCED_VESSEL_HU if settings.contrast_agent else _VESSEL_HU
    lung_hu += vessel_share * (blood - lung_hu)
    inside = np.clip(depth / grid.voxel_mm + 0.5, 0.0, 1.0)
    tissue = around + inside * (lung_hu - around)
    tissue += wall * (_WALL_HU - tissue)
    tissue += lumen * (_AIRWAY_HU - tissue)

    noise_seed = settings.seed if settings.noise_seed is None else settings.noise_seed
    ct = scan(tissue, settings.spacing_mm, settings.kernel, settings.dose, (noise_seed, 3))
    ct = np.clip(np.rint(ct), -1024, 3071)
    if settings.outside_value is not None:
        ct[_outside_round_field(shape)] = settings.outside_value

    labels = np.zeros(shape, np.uint8)
    labels[left > 0.0] = LABELS["left lung"]
    labels[right > 0.0] = LABELS["right lung"]
    lung = labels > 0
    labels[np.maximum(lumen, wall) > 0.5] = LABELS["airways"]
    lung &= labels != LABELS["airways"]
    mask = lung & (lesion > 0.5) & (vessel_share < 0.5)
    kinds = np.where(mask, PATTERNS.index(settings.pattern), 0).astype(np.uint8)
    return ChestPhantom(
        settings=settings,
        ct=grid.image(ct.astype(np.int16)),
        labels=grid.image(labels),
        lesions=grid.image(kinds),
        severity=settings.severity,
        lesion_percent=100.0 * float(mask.sum()) / max(1.0, float(lung.sum())),
    )


def _outside_round_field(shape: tuple[int, ...]) -> np.ndarray:
    """Voxels (z, y, x) outside the largest circle of each slice."""
    y, x = ((np.arange(length) - (length - 1) / 2.0) / (length / 2.0) for length in shape[1:])
    outside = y[:, None] ** 2 + x[None, :] ** 2 > 1.0
    return np.broadcast_to(outside, shape)


def _paint_trees(draw: ThoraxDraw, thorax: Thorax, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the shares (z, y, x) of vessels, airway lumen and airway walls with lumen."""
    vessels, lumen, wall = (np.zeros(grid.shape, np.float32) for _ in range(3))
    random = np.random.default_rng((draw.seed, 4))
    carina = np.array([0.0, 4.0, draw.carina_mm])
    radius = draw.trachea_radius_mm
    trachea = np.array([[0.0, -4.0, 400.0, *carina, radius, radius]])
    airways = [trachea]
    for side, index in ((1.0, 0), (-1.0, 1)):
        hilum = np.array([side * (draw.mediastinum_mm + 14.0), 10.0, 6.0 if side > 0 else 12.0])
        cloud = _points_in_lung(thorax, index, 4 * _VESSEL_TARGETS, random)
        airways.append(np.array([[*carina, *hilum, 0.78 * radius, 0.66 * radius]]))
        airways.append(grow_tree(hilum, 0.66 * radius, cloud[:_AIRWAY_TARGETS], 1.1, random))
        for offset, start_radius in (((0.0, -10.0, 8.0), 7.0), ((0.0, 2.0, -16.0), 6.5)):
            targets = cloud[random.permutation(len(cloud))[:_VESSEL_TARGETS]]
            tree = grow_tree(hilum + np.asarray(offset), start_radius, targets, 0.45, random)
            paint_tree(vessels, tree, grid.box, grid.voxel_mm)
    for segments in airways:
        paint_tree(lumen, segments, grid.box, grid.voxel_mm)
        paint_tree(wall, segments, grid.box, grid.voxel_mm, _AIRWAY_WALL_MM)
    return vessels, lumen, wall


def _points_in_lung(thorax: Thorax, side: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Return points (count, 3), spread evenly over one lung (0 left, 1 right), at least 5 mm below the pleura."""
    found: list[np.ndarray] = []
    for _ in range(40):
        points = random.uniform((-160.0, -115.0, -160.0), (160.0, 115.0, 160.0), (6000, 3))
        found.append(points[thorax.lung_depth(points.astype(np.float32))[side] > 5.0])
        if sum(len(part) for part in found) >= count:
            break
    return np.concatenate(found)[:count]
