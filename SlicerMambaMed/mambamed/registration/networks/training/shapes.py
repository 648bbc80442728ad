"""Random shapes as label maps: a training that needs no anatomy at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mambamed.registration.disa.training.shapes import random_labels
from mambamed.registration.networks.training.label_maps import LabelMap

__all__ = ["RandomShapes"]


@dataclass(frozen=True)
class RandomShapes:
    """A new anatomy of random parts for every pair; both images show the same one.

    Attributes:
        shape: voxels (x, y, z).
        spacing_mm: their size.
    """

    shape: tuple[int, int, int]
    spacing_mm: float

    def training_maps(self, rng: np.random.Generator) -> tuple[LabelMap, LabelMap]:
        """See ``MapLibrary``."""
        x, y, z = self.shape
        labels = np.ascontiguousarray(random_labels(rng, max(self.shape))[:x, :y, :z])
        drawn = LabelMap(labels, labels, self.spacing_mm)
        return drawn, drawn

    def validation_maps(self, rng: np.random.Generator) -> tuple[LabelMap, LabelMap]:
        """See ``MapLibrary``; no anatomy comes twice."""
        return self.training_maps(rng)
