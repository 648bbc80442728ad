"""Skull stripping of a synthetic head: many real inputs have it done, with masks that are more or less generous."""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch
from torch.nn import functional

from mambamed.segmentation.brain_recipe.classes import AnatomyClass

__all__ = ["Stripping", "strip"]

_KEPT = 0.5


class Stripping(str, Enum):
    """How much is left around the brain."""

    NONE = "whole head"
    TIGHT = "brain without the fluid around it"
    BRAIN = "brain and all fluid around it"
    GENEROUS = "brain, fluid and a margin of two to three voxels"
    ERODED = "brain without its outermost voxel"

    @classmethod
    def draw(cls, random: np.random.Generator) -> Stripping:
        """Draw a stripping: the whole head in seven of ten cases."""
        if random.random() < 1.0 - 0.3:
            return cls.NONE
        return (cls.TIGHT, cls.TIGHT, cls.BRAIN, cls.GENEROUS, cls.ERODED)[int(random.integers(5))]


def strip(classes: torch.Tensor, stripping: Stripping) -> torch.Tensor:
    """Return a (Z, Y, X) bool mask of the voxels kept from (Z, Y, X) integer ``AnatomyClass`` values."""
    if stripping is Stripping.NONE:
        return torch.ones_like(classes, dtype=torch.bool)
    last = (
        AnatomyClass.SULCAL_CSF if stripping in (Stripping.TIGHT, Stripping.ERODED) else AnatomyClass.SUBARACHNOID_CSF
    )
    mask = (classes >= AnatomyClass.CORTEX) & (classes <= last)
    if stripping is Stripping.GENEROUS:
        return functional.max_pool3d(mask[None].float(), 5, stride=1, padding=2)[0] > _KEPT
    if stripping is Stripping.ERODED:
        return functional.max_pool3d(1.0 - mask[None].float(), 3, stride=1, padding=1)[0] < _KEPT
    return mask
