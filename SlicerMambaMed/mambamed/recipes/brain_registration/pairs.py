"""Pairs of synthetic heads in independent contrasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mambamed.jobs.reporter import Reporter
from mambamed.recipes.brain_registration.heads import make_heads
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.intensity import to_unit_range
from mambamed.registration.networks.training.deformation import AffineRange
from mambamed.registration.networks.training.deformation import DeformationRange
from mambamed.registration.networks.training.label_maps import ListedMaps
from mambamed.registration.networks.training.label_maps import SyntheticPairs
from mambamed.segmentation.brain_recipe.contrast import draw_contrast
from mambamed.segmentation.brain_recipe.contrast import paint

__all__ = ["LIMITS", "make_pairs", "paint_head"]

LIMITS = DeformationRange(
    common=AffineRange(rotation_deg=14.0, scale=0.1, shear=0.03, shift_mm=10.0),
    own=AffineRange(rotation_deg=2.5, scale=0.025, shear=0.02, shift_mm=2.5),
    bends=((3.0, 50.0), (1.5, 22.0)),
)
_HELD_OUT_SHARE = 0.15
_HEAD_MM = 150.0
"""Roughly the extent of a brain; a smaller grid is laid anywhere in it."""
_SCAN_TO_SCAN = 0.02
"""Standard deviation of the intensities of a tissue between scans of one sequence."""


def make_pairs(settings: NetworkTrainingSettings, work: Path, reporter: Reporter) -> SyntheticPairs:
    """Return pairs of ``settings.synthetic_maps`` heads; the last ones are kept for validation."""
    heads = make_heads(settings.synthetic_maps, settings.seed, work / "heads", reporter)
    held_out = max(2, round(_HELD_OUT_SHARE * len(heads)))
    missing_mm = _HEAD_MM - min(settings.grid_shape) * settings.spacing_mm
    common = replace(LIMITS.common, shift_mm=max(LIMITS.common.shift_mm, missing_mm / 2.0))
    return SyntheticPairs(
        ListedMaps(heads, held_out),
        paint_head,
        replace(LIMITS, common=common),
        settings.grid_shape,
        settings.spacing_mm,
        settings.seed,
        settings.validation_pairs,
        settings.same_contrast_share,
    )


def paint_head(
    contrast: np.random.Generator, noise: np.random.Generator, parts: Tensor, blend: Callable[[Tensor], Tensor]
) -> Tensor:
    """Paint a head as an MR image of a random sequence, whole or skull-stripped; see ``Painter``."""
    draw = draw_contrast(contrast)
    means = np.clip(np.array(draw.means) + noise.normal(0.0, _SCAN_TO_SCAN, len(draw.means)), 0.0, 1.5)
    draw = replace(draw, cut_fraction=0.0, seed=int(noise.integers(2**31)), means=tuple(float(mean) for mean in means))
    return to_unit_range(paint(parts, draw, blend(torch.tensor(draw.means)))[0])
