"""Bend the template into a new head: random draw of the parameters, then a deterministic map to anatomical classes.

The idea of learning from labels with random deformation and contrast is SynthSeg's (Billot et al., Medical Image
Analysis 86, 2023); the surroundings of the brain, which the template lacks, are grown from distance and noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.template import BRAIN_CLASSES
from mambamed.segmentation.brain_recipe.template import Template

__all__ = ["AnatomyDraw", "build_anatomy", "build_anatomy_and_places", "draw_anatomy", "smooth_noise"]

_FACE = (
    AnatomyClass.FACE_A,
    AnatomyClass.FACE_B,
    AnatomyClass.FACE_C,
    AnatomyClass.FACE_AIR,
    AnatomyClass.MUSCLE,
    AnatomyClass.FAT,
    AnatomyClass.MARROW,
)


@dataclass(frozen=True)
class AnatomyDraw:
    """All random parameters of one head (millimetres, degrees); ``seed`` drives the noise fields."""

    seed: int
    rotation_deg: tuple[float, float, float]
    scale: tuple[float, float, float]
    shear: tuple[float, float, float]
    shift_mm: tuple[float, float, float]
    warp_mm: tuple[float, float, float]
    ventricle_growth_mm: float
    sulcal_log_weight: float
    white_log_weight: float
    subarachnoid_mm: float
    dura_mm: float
    skull_mm: float
    fat_mm: float
    skin_mm: float
    face_height_mm: float
    mirrored: bool


def draw_anatomy(random: np.random.Generator) -> AnatomyDraw:
    """Draw the parameters of one head."""

    def three(low: float, high: float) -> tuple[float, float, float]:
        a, b, c = random.uniform(low, high, 3)
        return float(a), float(b), float(c)

    size = float(random.uniform(0.76, 1.08))
    sideways, forwards, upwards = three(0.9, 1.1)
    tilt, nod, turn = three(-1.0, 1.0)
    return AnatomyDraw(
        seed=int(random.integers(2**31)),
        rotation_deg=(18 * turn, 12 * tilt, 22 * nod),
        scale=(size * upwards, size * forwards, size * sideways),
        shear=three(-0.08, 0.08),
        shift_mm=three(-8.0, 8.0),
        warp_mm=(float(random.uniform(1, 6)), float(random.uniform(0.5, 2.8)), float(random.uniform(0.2, 1.1))),
        ventricle_growth_mm=float(random.uniform(-2.0, 8.0)),
        sulcal_log_weight=float(random.uniform(0.0, 2.6)),
        white_log_weight=float(random.uniform(-0.15, 0.65)),
        subarachnoid_mm=float(random.uniform(0.0, 3.5)),
        dura_mm=float(random.uniform(0.0, 1.8)),
        skull_mm=float(random.uniform(2.0, 9.0)),
        fat_mm=float(random.uniform(0.5, 8.0)),
        skin_mm=float(random.uniform(0.5, 6.0)),
        face_height_mm=float(random.uniform(-15.0, 15.0)),
        mirrored=bool(random.random() < 0.5),
    )


def smooth_noise(
    shape: tuple[int, ...], knots: tuple[int, int, int], channels: int, generator: torch.Generator
) -> torch.Tensor:
    """Return (channels, *shape) smooth noise: standard normal values at ``knots`` per axis, linear in between."""
    coarse = torch.randn((1, channels, *knots), generator=generator)
    return functional.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)[0]


def _affine(draw: AnatomyDraw) -> torch.Tensor:
    """Matrix (3, 3) from output millimetres to template millimetres, both in (z, y, x) order."""
    around_z, around_y, around_x = np.deg2rad(draw.rotation_deg)
    cos, sin = np.cos, np.sin
    turn = np.array([[1, 0, 0], [0, cos(around_z), -sin(around_z)], [0, sin(around_z), cos(around_z)]])
    tilt = np.array([[cos(around_y), 0, -sin(around_y)], [0, 1, 0], [sin(around_y), 0, cos(around_y)]])
    nod = np.array([[cos(around_x), -sin(around_x), 0], [sin(around_x), cos(around_x), 0], [0, 0, 1]])
    shear = np.eye(3)
    shear[0, 1], shear[0, 2], shear[1, 2] = draw.shear
    return torch.from_numpy(np.diag(1.0 / np.array(draw.scale)) @ shear @ turn @ tilt @ nod).float()


def _sample(volume: torch.Tensor, points_mm: torch.Tensor, template: Template, padding: str) -> torch.Tensor:
    """Sample (C, Z, Y, X) that spans the template's box at (Z', Y', X', 3) template millimetres (z, y, x)."""
    extent = torch.tensor(template.distance_mm.shape[1:], dtype=torch.float32) - 1.0
    unit = (points_mm - torch.tensor(template.origin_mm)) / extent * 2.0 - 1.0
    return functional.grid_sample(
        volume[None], unit.flip(-1)[None], mode="bilinear", padding_mode=padding, align_corners=True
    )[0]


def build_anatomy(template: Template, draw: AnatomyDraw, shape: tuple[int, int, int], spacing_mm: float) -> np.ndarray:
    """Return the anatomical classes of one head.

    Args:
        template: From ``load_template``.
        draw: From ``draw_anatomy``.
        shape: Voxels (z, y, x) of the result; axes point to superior, posterior, left.
        spacing_mm: Isotropic voxel size.

    Returns:
        (z, y, x) array of ``AnatomyClass`` values, uint8.
    """
    return build_anatomy_and_places(template, draw, shape, spacing_mm)[0]


def build_anatomy_and_places(
    template: Template, draw: AnatomyDraw, shape: tuple[int, int, int], spacing_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the anatomical classes of one head and the place in the template that each voxel comes from.

    Arguments as for ``build_anatomy``; the places are (z, y, x, 3), template millimetres (z, y, x), float32.
    """
    generator = torch.Generator().manual_seed(draw.seed)
    axes = [(torch.arange(n) - (n - 1) / 2.0) * spacing_mm for n in shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    if draw.mirrored:
        points = points * torch.tensor([1.0, 1.0, -1.0])
    # The brain's centre (MNI z = 4, y = -18) lies above the middle of a head image that shows the neck.
    points = (points - torch.tensor(draw.shift_mm) - torch.tensor([14.0, 4.0, 0.0])) @ _affine(draw).T
    points = points + torch.tensor([4.0, 18.0, 0.0])
    for amplitude_mm, knots in zip(draw.warp_mm, (5, 11, 26), strict=True):
        points = points + amplitude_mm * smooth_noise(shape, (knots, knots, knots), 3, generator).movedim(0, -1)
    growth = draw.ventricle_growth_mm
    points = points - growth * _sample(template.ventricle_push, points, template, "border").movedim(0, -1)

    parts = _sample(template.probabilities, points, template, "zeros")
    distance = _sample(template.distance_mm, points, template, "border")[0]
    weights = 0.25 * smooth_noise(shape, (9, 9, 9), 3, generator)
    parts[3:5] *= torch.exp(weights[0] + draw.white_log_weight)
    parts[6] *= torch.exp(weights[1] + draw.sulcal_log_weight)
    parts[:3] *= torch.exp(weights[2])
    classes = torch.tensor([int(c) for c in BRAIN_CLASSES], dtype=torch.uint8)
    anatomy = classes[parts.argmax(0)]
    anatomy = torch.where(distance > 0.0, _surroundings(distance, points, draw, generator), anatomy)

    below = points[..., 0] < template.floor_mm
    fluid = (anatomy == AnatomyClass.SUBARACHNOID_CSF) | (anatomy == AnatomyClass.SULCAL_CSF)
    anatomy[below & fluid] = int(AnatomyClass.SPINAL_CSF)
    anatomy[below & (distance <= 0.0) & ~fluid] = int(AnatomyClass.SPINAL_CORD)
    return anatomy.numpy(), points.numpy()


def _surroundings(
    distance_mm: torch.Tensor, points_mm: torch.Tensor, draw: AnatomyDraw, generator: torch.Generator
) -> torch.Tensor:
    """Classes outside the brain: fluid, dura, skull, scalp, and a random face and neck below."""
    shape = tuple(distance_mm.shape)
    noise = smooth_noise(shape, (8, 8, 8), 4, generator)
    fluid_end = draw.subarachnoid_mm * torch.exp(0.6 * noise[0])
    dura_end = fluid_end + draw.dura_mm
    skull_mm = draw.skull_mm * torch.exp(0.35 * noise[1])
    skull_end = dura_end + skull_mm
    fat_end = skull_end + draw.fat_mm * torch.exp(0.5 * noise[2])
    skin_end = fat_end + draw.skin_mm * torch.exp(0.5 * noise[3])
    result = torch.full(shape, int(AnatomyClass.AIR), dtype=torch.uint8)
    result[distance_mm < skin_end] = int(AnatomyClass.MUSCLE)
    result[distance_mm < fat_end] = int(AnatomyClass.FAT)
    result[distance_mm < skull_end] = int(AnatomyClass.COMPACT_BONE)
    within = (distance_mm - dura_end) / skull_mm
    result[(within > 0.3) & (within < 0.7) & (skull_mm > 3.5)] = int(AnatomyClass.MARROW)

    z, y, x = points_mm.unbind(-1)
    front = -y
    edge = smooth_noise(shape, (6, 6, 6), 1, generator)[0] * 6.0
    low = z < -36.0 + 0.3 * front + draw.face_height_mm
    head = (x.abs() < 68.0 + edge) & (front < 88.0 + edge) & (front > -92.0 + edge)
    neck = (z > -75.0) | ((x / 62.0) ** 2 + ((front + 28.0) / 62.0) ** 2 < 1.0)
    face = low & head & neck & (distance_mm > dura_end + 0.5 * skull_mm.clamp(max=4.0))
    blobs = smooth_noise(shape, (14, 16, 14), len(_FACE), generator)
    kinds = torch.tensor([int(c) for c in _FACE], dtype=torch.uint8)
    result = torch.where(face, kinds[blobs.argmax(0)], result)
    result[distance_mm < dura_end] = int(AnatomyClass.DURA)
    result[distance_mm < fluid_end] = int(AnatomyClass.SUBARACHNOID_CSF)
    return result
