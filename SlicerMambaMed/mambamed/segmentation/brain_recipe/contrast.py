"""Paint anatomical classes as an MR image: random draw of a contrast, then the deterministic painting.

Eight of ten contrasts follow the order of a real sequence (T1, T2, FLAIR, proton density), the others are free, so that
the model cannot rely on any fixed order of intensities (SynthSeg, Billot et al., Medical Image Analysis 86, 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mambamed.segmentation.brain_recipe.anatomy import smooth_noise
from mambamed.segmentation.brain_recipe.classes import TISSUE_OF_CLASS
from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.degrade import add_ghost
from mambamed.segmentation.brain_recipe.degrade import blur
from mambamed.segmentation.brain_recipe.degrade import lower_resolution
from mambamed.segmentation.brain_recipe.skull_strip import Stripping
from mambamed.segmentation.brain_recipe.skull_strip import strip

__all__ = ["SEQUENCES", "ContrastDraw", "draw_contrast", "paint"]

# Typical relative intensities (0 to 1) per sequence, in the order of AnatomyClass.
SEQUENCES: dict[str, tuple[float, ...]] = {
    #        air  ctx  deep cbl  wm   stem vent sulc sub  dura bone marr fat  musc cord sCSF A    B    C    fair
    "T1": (
        0.02,
        0.50,
        0.58,
        0.50,
        0.75,
        0.72,
        0.14,
        0.18,
        0.18,
        0.35,
        0.08,
        0.60,
        0.95,
        0.42,
        0.68,
        0.18,
        0.3,
        0.5,
        0.7,
        0.03,
    ),
    "T2": (
        0.02,
        0.52,
        0.43,
        0.52,
        0.34,
        0.36,
        0.95,
        0.88,
        0.92,
        0.25,
        0.05,
        0.45,
        0.70,
        0.25,
        0.38,
        0.9,
        0.3,
        0.5,
        0.9,
        0.03,
    ),
    "FLAIR": (
        0.02,
        0.55,
        0.50,
        0.53,
        0.42,
        0.43,
        0.10,
        0.16,
        0.14,
        0.3,
        0.05,
        0.40,
        0.85,
        0.32,
        0.42,
        0.15,
        0.2,
        0.4,
        0.6,
        0.03,
    ),
    "PD": (
        0.02,
        0.72,
        0.66,
        0.72,
        0.56,
        0.58,
        0.82,
        0.80,
        0.82,
        0.4,
        0.10,
        0.55,
        0.85,
        0.45,
        0.58,
        0.8,
        0.4,
        0.6,
        0.8,
        0.03,
    ),
}
_GREY = (AnatomyClass.CORTEX, AnatomyClass.DEEP_GREY, AnatomyClass.CEREBELLAR_GREY)
_WHITE = (AnatomyClass.CEREBRAL_WHITE, AnatomyClass.BRAIN_STEM, AnatomyClass.SPINAL_CORD)
_FLUID = (AnatomyClass.VENTRICLES, AnatomyClass.SULCAL_CSF, AnatomyClass.SUBARACHNOID_CSF, AnatomyClass.SPINAL_CSF)
_SHARES = {"T1": 0.34, "FLAIR": 0.24, "T2": 0.17, "PD": 0.05, "free": 0.2}
_LEAST_DIFFERENCE = 0.15


@dataclass(frozen=True)
class ContrastDraw:
    """All random parameters of one painted image; ``seed`` drives the noise fields."""

    seed: int
    sequence: str
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    texture: float
    lesion_mean: float
    lesion_fraction: float
    blur_voxels: tuple[float, float, float]
    slice_axis: int
    slice_voxels: float
    coarse_voxels: float
    bias: float
    gamma: float
    noise: float
    rician: bool
    ghost: float
    ghost_axis: int
    stripping: Stripping
    cut_axis: int
    cut_fraction: float


def _free_means(random: np.random.Generator) -> np.ndarray:
    """Free intensities; parts of one tissue stay near each other, and the tissues differ from one another."""
    means = random.uniform(0.0, 1.0, len(AnatomyClass))
    while True:
        grey, white, fluid = random.uniform(0.05, 1.0, 3)
        if min(abs(grey - white), abs(grey - fluid), abs(white - fluid)) >= _LEAST_DIFFERENCE:
            break
    for group, mean in ((_GREY, grey), (_WHITE, white), (_FLUID, fluid)):
        means[list(group)] = mean + random.normal(0.0, 0.04, len(group))
    means[AnatomyClass.AIR] = abs(random.normal(0.0, 0.03)) if random.random() < 0.85 else random.uniform(0.0, 1.0)
    return means


def draw_contrast(random: np.random.Generator) -> ContrastDraw:
    """Draw the parameters of one image."""
    sequence = str(random.choice(list(_SHARES), p=list(_SHARES.values())))
    if sequence == "free":
        means = _free_means(random)
    else:
        means = np.array(SEQUENCES[sequence]) + random.normal(0.0, 0.05, len(AnatomyClass))
        # The scalp and what lies below the skull vary far more than the brain between scanners and fat suppression.
        outside = slice(AnatomyClass.DURA, AnatomyClass.SPINAL_CORD)
        means[outside] *= random.uniform(0.5, 1.4)
        means[AnatomyClass.FAT] *= random.uniform(0.2, 1.3)
        means[AnatomyClass.AIR] = abs(random.normal(0.0, 0.02))
        # How far the tissues of the brain lie apart depends on echo and inversion time.
        brain = list(_GREY + _WHITE)
        middle = means[brain].mean()
        means[brain] = middle + (means[brain] - middle) * random.uniform(0.6, 1.5)
    low = random.random() < 0.25
    axis_blur = random.uniform(0.0, 0.65, 3)
    return ContrastDraw(
        seed=int(random.integers(2**31)),
        sequence=sequence,
        means=tuple(float(m) for m in np.clip(means, 0.0, 1.5)),
        deviations=tuple(float(d) for d in random.uniform(0.0, 0.045, len(AnatomyClass))),
        texture=float(random.uniform(0.0, 0.04)),
        lesion_mean=float(random.uniform(0.6, 1.2) if sequence in ("T2", "FLAIR", "PD") else random.uniform(0.0, 1.0)),
        lesion_fraction=float(random.uniform(0.005, 0.06)) if random.random() < 0.35 else 0.0,
        blur_voxels=(float(axis_blur[0]), float(axis_blur[1]), float(axis_blur[2])),
        slice_axis=int(random.integers(3)),
        slice_voxels=float(random.uniform(1.2, 2.7)) if random.random() < 0.3 else 1.0,
        coarse_voxels=float(random.uniform(1.05, 1.3)) if low else 1.0,
        bias=float(random.uniform(0.0, 0.22)),
        gamma=float(np.exp(random.normal(0.0, 0.25))),
        noise=float(random.uniform(0.0, 0.04)) if random.random() < 0.8 else 0.0,
        rician=bool(random.random() < 0.5),
        ghost=float(random.uniform(0.03, 0.12)) if random.random() < 0.1 else 0.0,
        ghost_axis=int(random.integers(3)),
        stripping=Stripping.draw(random),
        cut_axis=int(random.integers(3)),
        cut_fraction=float(random.uniform(-0.3, 0.3)) if random.random() < 0.15 else 0.0,
    )


def paint(
    anatomy: torch.Tensor, draw: ContrastDraw, mean_intensities: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Paint one image and say which tissue each voxel shows.

    Args:
        anatomy: (Z, Y, X) integer tensor of ``AnatomyClass`` values.
        draw: From ``draw_contrast``.
        mean_intensities: (Z, Y, X) mean intensity at every voxel where partial volumes are known; by default that of
            the voxel's class.

    Returns:
        image (Z, Y, X) float32 with mean 0 and standard deviation 1, and tissue (Z, Y, X) int16 of ``Tissue`` values.
    """
    generator = torch.Generator().manual_seed(draw.seed)
    shape = tuple(anatomy.shape)
    classes = anatomy.long()
    fields = smooth_noise(shape, (14, 14, 14), 2, generator)
    means = torch.tensor(draw.means)[classes] if mean_intensities is None else mean_intensities
    image = means + draw.texture * fields[0]
    image += torch.tensor(draw.deviations)[classes] * torch.randn(shape, generator=generator)
    if draw.lesion_fraction > 0.0:
        white = classes == AnatomyClass.CEREBRAL_WHITE
        if bool(white.any()):
            values = fields[1][white]
            rank = max(1, int(values.numel() * draw.lesion_fraction))
            image[white & (fields[1] >= values.topk(rank).values[-1])] = draw.lesion_mean
    image = blur(image, draw.blur_voxels)
    keep = strip(classes, draw.stripping)
    image = image * keep
    if draw.slice_voxels > 1.0:
        factors = [1.0, 1.0, 1.0]
        factors[draw.slice_axis] = draw.slice_voxels
        image = lower_resolution(image, (factors[0], factors[1], factors[2]))
    elif draw.coarse_voxels > 1.0:
        image = lower_resolution(image, (draw.coarse_voxels,) * 3)
    image = image * torch.exp(draw.bias * smooth_noise(shape, (4, 4, 4), 1, generator)[0])
    if draw.ghost > 0.0:
        image = add_ghost(image, draw.ghost, draw.ghost_axis)
    if draw.noise > 0.0:
        noise = draw.noise * torch.randn((2, *shape), generator=generator)
        image = torch.hypot(image + noise[0], noise[1]) if draw.rician else image + noise[0]
    image = image.clamp(min=0.0) ** draw.gamma
    tissue = torch.from_numpy(TISSUE_OF_CLASS.astype(np.int16))[classes]
    if draw.stripping is not Stripping.NONE:
        image = image * keep
        tissue = tissue * keep
    if draw.cut_fraction != 0.0:
        visible = _visible(shape[draw.cut_axis], draw.cut_fraction)
        view = [1, 1, 1]
        view[draw.cut_axis] = -1
        image = image * visible.view(view)
        tissue = tissue * visible.view(view)
    return (image - image.mean()) / image.std().clamp(min=1e-6), tissue


def _visible(length: int, cut_fraction: float) -> torch.Tensor:
    """Return (length,) bool: positions left when the field of view ends early at the far (+) or near (-) side."""
    position = torch.arange(length)
    if cut_fraction > 0:
        return position < round(length * (1.0 - cut_fraction))
    return position >= round(length * -cut_fraction)
