"""The random draw of one patient's thorax: sizes and positions in millimetres, separated from what is made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mambamed.emphysema.phantom.settings import ChestPhantomSettings

__all__ = ["ThoraxDraw", "draw_thorax"]


@dataclass(frozen=True)
class ThoraxDraw:
    """Parameters of one thorax. Axes: x to the left, y to the back, z to the head; (0, 0, 0) is the cavity's middle."""

    seed: int
    half_width_mm: float
    half_depth_mm: float
    top_mm: float
    dome_right_mm: float
    dome_left_mm: float
    dome_fall_mm: float
    mediastinum_mm: float
    anterior_gap_mm: float
    heart_centre_mm: tuple[float, float, float]
    heart_radii_mm: tuple[float, float, float]
    wall_mm: float
    fat_mm: float
    rib_phase_mm: float
    trachea_radius_mm: float
    carina_mm: float
    warp_mm: float
    parenchyma_hu: float
    gravity_hu_per_mm: float
    texture_hu: float
    gas_radius_mm: float


def draw_thorax(settings: ChestPhantomSettings) -> ThoraxDraw:
    """Draw the thorax that belongs to the settings' seed."""
    random = np.random.default_rng((settings.seed, 1))

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    scale = between(0.88, 1.08)
    dome_right = between(-78.0, -58.0) * scale
    gap = between(1.5, 8.0)
    return ThoraxDraw(
        seed=settings.seed,
        half_width_mm=between(124.0, 142.0) * scale,
        half_depth_mm=between(80.0, 98.0) * scale,
        top_mm=between(122.0, 142.0) * scale,
        dome_right_mm=dome_right,
        dome_left_mm=dome_right - between(6.0, 20.0),
        dome_fall_mm=between(35.0, 62.0) * scale,
        mediastinum_mm=between(20.0, 29.0) * scale,
        anterior_gap_mm=gap if settings.anterior_gap_mm is None else settings.anterior_gap_mm,
        heart_centre_mm=(between(14.0, 28.0), between(-30.0, -18.0) * scale, between(-62.0, -42.0) * scale),
        heart_radii_mm=(between(48.0, 62.0) * scale, between(38.0, 48.0) * scale, between(46.0, 58.0) * scale),
        wall_mm=between(16.0, 26.0),
        fat_mm=between(4.0, 26.0),
        rib_phase_mm=between(0.0, 26.0),
        trachea_radius_mm=between(7.0, 9.5),
        carina_mm=between(35.0, 52.0) * scale,
        warp_mm=between(1.5, 4.0),
        parenchyma_hu=between(-872.0, -842.0),
        gravity_hu_per_mm=between(0.12, 0.42),
        texture_hu=between(8.0, 14.0),
        gas_radius_mm=between(16.0, 30.0),
    )
