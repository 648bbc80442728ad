"""An ultrasound sweep of the anatomy in an MR volume, so that the true pose is known exactly.

Not the simulation of the training (``registration.disa.training.ultrasound``), which has flat beams: here beams fan out
from a curved probe, speckle grows with depth, echoes of interfaces depend on the angle at which the beam meets them.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.ndimage import map_coordinates

__all__ = ["simulate_ultrasound"]

_HALF_ANGLE_DEG = 38.0
_PROBE_RADIUS_MM = 25.0


def simulate_ultrasound(
    mr: sitk.Image,
    probe_mm: NDArray[np.float64],
    beam: NDArray[np.float64],
    depth_mm: float,
    spacing_mm: float = 1.0,
    seed: int = 0,
) -> tuple[sitk.Image, sitk.Image]:
    """Simulate a volume as a matrix probe or a sweep would give it.

    Args:
        mr: the anatomy.
        probe_mm: centre of the probe's face, LPS mm.
        beam: direction of the central beam.
        depth_mm: how deep beams reach.
        spacing_mm: of the result.
        seed: of the speckle.

    Returns:
        The ultrasound volume on an axis-parallel grid, 0 outside the fan, and the mask of the fan.
    """
    rng = np.random.default_rng(seed)
    beam = beam / np.linalg.norm(beam)
    apex = probe_mm - _PROBE_RADIUS_MM * beam
    reach = _PROBE_RADIUS_MM + depth_mm
    grid, coordinates = _grid(apex, beam, reach, spacing_mm)
    away = coordinates - apex
    range_mm = np.linalg.norm(away, axis=-1)
    cosine = (away @ beam) / np.maximum(range_mm, 1e-6)
    inside = (range_mm > _PROBE_RADIUS_MM) & (range_mm < reach) & (cosine > np.cos(np.radians(_HALF_ANGLE_DEG)))

    tissue = _sampled(sitk.SmoothingRecursiveGaussian(sitk.Cast(mr, sitk.sitkFloat32), 0.7), coordinates)
    tissue = tissue / max(float(np.percentile(tissue[inside], 95)), 1e-6)
    slopes = np.stack(list(np.gradient(tissue, spacing_mm)), axis=-1)[..., ::-1]
    echo = np.abs((slopes * away).sum(axis=-1)) / np.maximum(range_mm, 1e-6)
    # Grey matter and fluid-near tissue echo more than white matter: brightness falls with the T1 intensity.
    brightness = 0.08 + 0.9 * np.exp(-2.5 * tissue) * (tissue > 0.08) + 2.0 * echo
    depth = np.clip((range_mm - _PROBE_RADIUS_MM) / depth_mm, 0.0, 1.0)
    fine, wide = _speckle(rng, range_mm.shape, 0.45), _speckle(rng, range_mm.shape, 1.0)
    brightness = brightness * ((1.0 - depth) * fine + depth * wide) * np.exp(-0.5 * depth)
    values = np.log1p(6.0 * brightness) * inside
    images = []
    for array in (values.astype(np.float32), inside.astype(np.uint8)):
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(grid)
        images.append(image)
    return images[0], images[1]


def _grid(
    apex: NDArray[np.float64], beam: NDArray[np.float64], reach: float, spacing_mm: float
) -> tuple[sitk.Image, NDArray[np.float64]]:
    """An image that holds the fan, and the LPS position of each voxel, (Z, Y, X, 3)."""
    side = reach * np.sin(np.radians(_HALF_ANGLE_DEG))
    tip = apex + reach * beam
    across = side * np.sqrt(np.maximum(0.0, 1.0 - beam**2))
    low = np.minimum(apex + _PROBE_RADIUS_MM * 0.7 * beam, tip - across)
    high = np.maximum(apex + _PROBE_RADIUS_MM * 0.7 * beam, tip + across)
    low, high = np.minimum(low, tip - across), np.maximum(high, tip + across)
    size = np.ceil((high - low) / spacing_mm).astype(int)
    grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
    grid.SetSpacing((spacing_mm,) * 3)
    grid.SetOrigin(low.tolist())
    axes = [low[axis] + spacing_mm * np.arange(size[axis]) for axis in range(3)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return grid, np.stack((x, y, z), axis=-1)


def _sampled(image: sitk.Image, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    direction = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    index = (positions - np.asarray(image.GetOrigin())) @ np.linalg.inv(direction).T
    array = sitk.GetArrayViewFromImage(image)
    return np.asarray(map_coordinates(array, np.moveaxis(index[..., ::-1], -1, 0), order=1, mode="constant"))


def _speckle(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> NDArray[np.float32]:
    """Magnitude of a blurred complex Gaussian field, mean 1 (Rayleigh)."""
    parts = [gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma) for _ in range(2)]
    magnitude = np.hypot(parts[0], parts[1])
    return np.asarray(magnitude / magnitude.mean())
