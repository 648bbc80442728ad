"""A chest drawn with simple shapes, whose lungs, volumes and densities are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk


@dataclass(frozen=True)
class Chest:
    """The drawing: CT and truth, arrays (z, y, x), z towards the head, x towards the patient's left."""

    hu: np.ndarray
    left: np.ndarray
    right: np.ndarray
    trachea: np.ndarray
    spacing_mm: tuple[float, float, float]

    @property
    def lungs(self) -> np.ndarray:
        return self.left | self.right

    def image(self, array: np.ndarray | None = None) -> sitk.Image:
        image = sitk.GetImageFromArray(self.hu if array is None else array)
        image.SetSpacing(self.spacing_mm[::-1])
        image.SetOrigin((-170.0, -140.0, 33.0))
        return image


def draw_chest(spacing_mm=(5.0, 4.0, 4.2), gap_mm=16.0, lung_hu=-860, noise_hu=0.0, seed=0) -> Chest:
    """Draw a body with two lungs ``gap_mm`` apart, trachea and main bronchi, gas in the bowel, and a table."""
    size = [int(extent / spacing) for extent, spacing in zip((320.0, 280.0, 360.0), spacing_mm, strict=True)]
    z, y, x = np.meshgrid(
        *[(np.arange(count) - 0.5 * (count - 1)) * spacing for count, spacing in zip(size, spacing_mm, strict=True)],
        indexing="ij",
    )
    hu = np.full(z.shape, -1000.0)
    body = (x / 165.0) ** 2 + (y / 105.0) ** 2 <= 1.0
    hu[body] = 40.0
    hu[(np.abs(x) < 160) & (y > 118) & (y < 126)] = -80.0  # table top
    centre = 0.5 * gap_mm + 60.0
    shape = ((y + 2) / 80.0) ** 2 + ((z - 10) / 120.0) ** 2
    left = body & (((x - centre) / 60.0) ** 2 + shape <= 1.0)
    right = body & (((x + centre) / 60.0) ** 2 + shape <= 1.0)
    hu[left | right] = lung_hu
    trachea = (x**2 + (y - 5) ** 2 <= 9.0**2) & (z > 20)
    hu[(x**2 + (y - 5) ** 2 <= 12.0**2) & (z > 20)] = 30.0
    for side in (-1, 1):  # main bronchi: from the end of the trachea downwards and outwards
        along = 20.0 - z
        axis = side * along * 0.7
        inside = (along >= 0) & (along < 30) & ((x - axis) ** 2 + (y - 5) ** 2 <= 7.0**2)
        hu[(along >= 0) & (along < 30) & ((x - axis) ** 2 + (y - 5) ** 2 <= 9.0**2)] = 30.0
        trachea = trachea | inside
    hu[trachea] = -1000.0
    hu[((x - 70) / 25) ** 2 + (y / 25) ** 2 + ((z + 135) / 14) ** 2 <= 1.0] = -1000.0  # gas in the bowel
    left &= ~trachea & (hu < -500)
    right &= ~trachea & (hu < -500)
    if noise_hu:
        hu += np.random.default_rng(seed).normal(0.0, noise_hu, hu.shape)
    return Chest(np.round(hu).astype(np.int16), left, right, trachea, spacing_mm)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(first & second) / max(1, np.count_nonzero(first) + np.count_nonzero(second))


@pytest.fixture(scope="session")
def chest() -> Chest:
    return draw_chest()
