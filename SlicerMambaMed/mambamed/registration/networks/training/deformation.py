"""Random deformations of a label map: one affine part for a pair, another and a smooth diffeomorphism for each image.

Draws are separated from what they do: ``draw_deformation`` is random, ``deformed_points`` is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mambamed.registration.disa.training.fields import smooth_field
from mambamed.registration.layers.spatial_transformer import integrate_velocity

__all__ = ["AffineRange", "DeformationRange", "deformed_points", "draw_affine", "draw_deformation", "grid_points"]

_COARSENESS = 4
_SQUARINGS = 5


@dataclass(frozen=True)
class AffineRange:
    """Largest rotation, change of scale (share) and shear, shift in mm; all drawn uniformly, per axis."""

    rotation_deg: float
    scale: float
    shear: float
    shift_mm: float


@dataclass(frozen=True)
class DeformationRange:
    """How far label maps are deformed.

    Attributes:
        common: affine part that both images of a pair share (pose and size of the head).
        own: affine part of each image, what a linear registration leaves.
        bends: largest standard deviation in mm of smooth velocities with knots so many mm apart.
    """

    common: AffineRange
    own: AffineRange
    bends: tuple[tuple[float, float], ...]


def draw_affine(rng: np.random.Generator, limits: AffineRange) -> NDArray[np.float64]:
    """Draw a matrix (3, 4) in mm."""
    angles = np.deg2rad(rng.uniform(-limits.rotation_deg, limits.rotation_deg, 3))
    matrix = np.diag(np.exp(rng.uniform(-limits.scale, limits.scale, 3) + rng.uniform(-limits.scale, limits.scale)))
    shear = np.eye(3)
    shear[np.triu_indices(3, 1)] = rng.uniform(-limits.shear, limits.shear, 3)
    matrix = matrix @ shear
    for axis, angle in enumerate(angles):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    shift = rng.uniform(-limits.shift_mm, limits.shift_mm, 3)
    return np.hstack([matrix, shift[:, None]])


def draw_deformation(
    rng: np.random.Generator, limits: DeformationRange, shape: Sequence[int], spacing_mm: float
) -> Tensor:
    """Draw a smooth diffeomorphism: its displacement (3, X, Y, Z) in mm, integrated from velocities at 1/4 of the size.

    Args:
        rng: source of the draws.
        limits: how far.
        shape: voxels of the grid.
        spacing_mm: their size.
    """
    coarse = [max(2, -(-size // _COARSENESS)) for size in shape]
    velocity = np.zeros((3, *coarse), np.float32)
    for strength_mm, distance_mm in limits.bends:
        strength = rng.uniform(0.0, strength_mm) / (_COARSENESS * spacing_mm)
        knots = [max(2, round(size * spacing_mm / distance_mm) + 1) for size in shape]
        velocity += strength * np.stack([smooth_field(rng, coarse, knots) for _ in range(3)])
    displacement = integrate_velocity(torch.from_numpy(velocity)[None], _SQUARINGS)
    fine = functional.interpolate(displacement, size=list(shape), mode="trilinear", align_corners=True)
    return fine[0] * (_COARSENESS * spacing_mm)


def grid_points(shape: Sequence[int], spacing_mm: float) -> Tensor:
    """Positions (3, X, Y, Z) of the voxels of a grid, in mm from its middle."""
    axes = [(torch.arange(size, dtype=torch.float32) - (size - 1) / 2.0) * spacing_mm for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def deformed_points(points: Tensor, displacement_mm: Tensor, affines: Sequence[NDArray[np.float64]]) -> Tensor:
    """Move points (3, X, Y, Z) by a displacement and then by matrices (3, 4), first to last; all in mm."""
    moved = (points + displacement_mm).flatten(1)
    for affine in affines:
        matrix = torch.from_numpy(affine).float()
        moved = matrix[:, :3] @ moved + matrix[:, 3:]
    return moved.reshape(points.shape)
