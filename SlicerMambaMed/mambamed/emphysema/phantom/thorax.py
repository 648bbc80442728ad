"""The thorax without trees and lesions, as functions of position: lungs, heart, bones, soft tissue, table."""

from __future__ import annotations

import numpy as np

from mambamed.emphysema.phantom.draw import ThoraxDraw
from mambamed.emphysema.phantom.fields import SmoothField

__all__ = ["Thorax"]

_AIR_HU = -1000.0
_RIB_PERIOD_MM = 26.0


class Thorax:
    """One thorax. All methods take points (..., 3) in millimetres: x to the left, y to the back, z to the head.

    Args:
        draw: Sizes and positions.
        contrast_agent: Whether blood is enhanced.
        table: Whether the table shows.
        bowel_gas: Whether the stomach holds gas.
    """

    def __init__(self, draw: ThoraxDraw, contrast_agent: bool = False, table: bool = True, bowel_gas: bool = True):
        self.draw = draw
        self._blood_hu = 260.0 if contrast_agent else 45.0
        self._table = table
        self._bowel_gas = bowel_gas
        self._warps = SmoothField(48.0, (draw.seed, 10), channels=3)
        self._organs = SmoothField(22.0, (draw.seed, 13))
        self._coarse_texture = SmoothField(15.0, (draw.seed, 14))
        self._fine_texture = SmoothField(5.0, (draw.seed, 15))

    def lung_depth(self, points_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how deep points lie below the pleura.

        Returns:
            Two arrays (...) for the left and the right lung: about the distance in mm to the surface, positive inside.
        """
        x, y, z = self._warped(points_mm)
        cavity = self._cavity_depth(x, y, z)
        heart = self._heart_distance(x, y, z)
        draw = self.draw
        spine = np.hypot(x, y - 0.92 * draw.half_depth_mm) - 27.0
        aorta = np.hypot(x - 24.0, y - 0.60 * draw.half_depth_mm) - 12.0
        around = np.minimum(np.minimum(cavity, heart), np.minimum(spine, aorta))
        width = self._mediastinum_half_width(y, z)
        left = np.minimum(np.minimum(around, x - width), self._above_diaphragm(x, y, z, 1.0))
        right = np.minimum(np.minimum(around, -x - width), self._above_diaphragm(x, y, z, -1.0))
        return left, right

    def parenchyma_hu(self, points_mm: np.ndarray, voxel_mm: float) -> np.ndarray:
        """Return the HU of healthy lung tissue: mean, rise towards the back (gravity, supine) and texture.

        Texture finer than the voxels averages out in them.
        """
        draw = self.draw
        texture = 0.6 * np.exp(-((voxel_mm / 30.0) ** 2)) * self._coarse_texture(points_mm)[0]
        texture = texture + np.exp(-((voxel_mm / 5.0) ** 2)) * self._fine_texture(points_mm)[0]
        return draw.parenchyma_hu + draw.gravity_hu_per_mm * points_mm[..., 1] + draw.texture_hu * texture

    def surroundings_hu(self, points_mm: np.ndarray) -> np.ndarray:
        """Return the HU of everything but lungs and airways."""
        draw = self.draw
        x, y, z = self._warped(points_mm)
        cavity = self._cavity_depth(x, y, z)
        hu = np.full(x.shape, _AIR_HU, dtype=np.float32)
        # Shoulders and belly: the body does not narrow with the cavity above and below.
        flank = (1.0 - self._ellipse(x, y, draw.half_width_mm, draw.half_depth_mm)) * draw.half_depth_mm
        neck = np.clip((z - 0.9 * draw.top_mm) * 0.8, 0.0, None)
        outward = np.where(cavity > 0.0, -cavity, np.maximum(-flank, 0.0)) + neck
        body = outward < draw.wall_mm + draw.fat_mm
        hu[body] = -95.0
        hu[body & (outward < draw.wall_mm)] = 48.0
        # Between the cavity's narrow top and the straight chest wall lie muscle and fat of the shoulders.
        organs = 18.0 * self._organs(points_mm)[0]
        inside = cavity > 0.0
        hu[inside] = (20.0 + organs)[inside]
        hu[inside & (self._heart_distance(x, y, z) < 0.0)] = self._blood_hu
        below = np.maximum(self._above_diaphragm(x, y, z, 1.0), self._above_diaphragm(x, y, z, -1.0)) < -4.0
        hu[inside & below & (x < 12.0)] = 62.0
        hu[inside & below & (x >= 12.0)] = 38.0
        aorta = np.hypot(x - 24.0, y - 0.60 * draw.half_depth_mm) < 12.0
        hu[inside & aorta] = self._blood_hu
        if self._bowel_gas:
            radius = draw.gas_radius_mm
            middle_z = draw.dome_left_mm - 0.75 * radius - 9.0
            gas = ((x - 58.0) / radius) ** 2 + ((y + 22.0) / radius) ** 2 + ((z - middle_z) / (0.6 * radius)) ** 2 < 1.0
            hu[gas & body & below] = -985.0
        self._add_bones(hu, x, y, z, outward)
        if self._table:
            self._add_table(hu, points_mm, body)
        return hu

    def _warped(self, points_mm: np.ndarray) -> np.ndarray:
        """Return x, y, z (3, ...) of the points in the straight, unbent thorax."""
        return np.moveaxis(points_mm, -1, 0) + np.float32(self.draw.warp_mm) * self._warps(points_mm)

    @staticmethod
    def _ellipse(
        x: np.ndarray, y: np.ndarray, half_width: np.ndarray | float, half_depth: np.ndarray | float
    ) -> np.ndarray:
        return (np.abs(x / half_width) ** 2.3 + np.abs(y / half_depth) ** 2.3) ** (1.0 / 2.3)

    def _cavity_depth(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        draw = self.draw
        up = np.clip(z / draw.top_mm, 0.0, 1.0)
        taper = np.maximum((1.0 - up**2.6) ** 0.55, 0.02)
        size = self._ellipse(x, y, draw.half_width_mm * taper, draw.half_depth_mm * (0.25 + 0.75 * taper))
        depth = (1.0 - size) * draw.half_depth_mm * taper
        return np.minimum(depth, draw.top_mm - z)

    def _heart_distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        parts = [
            (value - middle) / radius
            for value, middle, radius in zip(
                (x, y, z), self.draw.heart_centre_mm, self.draw.heart_radii_mm, strict=True
            )
        ]
        return (np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2) - 1.0) * min(self.draw.heart_radii_mm)

    def _mediastinum_half_width(self, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        draw = self.draw
        behind = 1.0 / (1.0 + np.exp(-np.clip((y + 0.5 * draw.half_depth_mm) / 6.0, -30, 30)))
        hilum = 13.0 * np.exp(-(((y - 12.0) / 24.0) ** 2) - ((z - 8.0) / 26.0) ** 2)
        return 0.5 * draw.anterior_gap_mm + (draw.mediastinum_mm - 0.5 * draw.anterior_gap_mm) * behind + hilum

    def _above_diaphragm(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, side: float) -> np.ndarray:
        draw = self.draw
        dome = draw.dome_left_mm if side > 0 else draw.dome_right_mm
        fall = ((x - side * 0.48 * draw.half_width_mm) / (0.55 * draw.half_width_mm)) ** 2
        fall = fall + ((y + 0.1 * draw.half_depth_mm) / (1.05 * draw.half_depth_mm)) ** 2
        return 0.8 * (z - dome + draw.dome_fall_mm * np.minimum(fall, 1.4))

    def _add_bones(self, hu: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, outward: np.ndarray) -> None:
        draw = self.draw
        phase = np.abs(np.mod(z + 0.32 * y + draw.rib_phase_mm, _RIB_PERIOD_MM) - 0.5 * _RIB_PERIOD_MM)
        in_rib = np.hypot(phase / 5.5, (outward - 8.5) / 4.5)
        around = (np.abs(x) > 24.0) & (outward > 2.0) & (z < 0.97 * draw.top_mm)
        hu[around & (in_rib < 1.0)] = 480.0
        hu[around & (in_rib < 0.55)] = 160.0
        front = (np.abs(x) < 17.0) & (y < 0.0) & (outward > 3.0) & (outward < 13.0) & (z < 0.8 * draw.top_mm)
        hu[front] = 260.0
        spine_y = 0.92 * draw.half_depth_mm
        vertebra = np.hypot(x, y - spine_y)
        disc = np.abs(np.mod(z + draw.rib_phase_mm, _RIB_PERIOD_MM) - 0.5 * _RIB_PERIOD_MM) < 3.0
        hu[vertebra < 22.0] = np.where(disc, 85.0, 210.0)[vertebra < 22.0]
        hu[(vertebra >= 19.5) & (vertebra < 22.0) & ~disc] = 520.0
        canal = np.hypot(x, y - spine_y - 30.0)
        hu[(canal < 14.0) & (outward < draw.wall_mm + draw.fat_mm)] = 430.0
        hu[canal < 9.0] = 35.0

    def _add_table(self, hu: np.ndarray, points_mm: np.ndarray, body: np.ndarray) -> None:
        draw = self.draw
        x, y = points_mm[..., 0], points_mm[..., 1]
        top = draw.half_depth_mm + draw.wall_mm + draw.fat_mm + 8.0 - 0.0011 * x**2
        within = (np.abs(x) < 205.0) & (y > top) & (y < top + 22.0) & ~body
        hu[within] = -880.0
        hu[within & ((y < top + 3.0) | (y > top + 19.0))] = -150.0
