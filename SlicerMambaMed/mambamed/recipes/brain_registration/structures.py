"""Structures by which synthetic heads are compared: tissues divided into regions of the template.

Cortex, white matter, deep grey matter and ventricles are divided by the nearest of a few centres, which cluster the
template's tissue and lie alike on both sides; left and right are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.template import BRAIN_CLASSES
from mambamed.segmentation.brain_recipe.template import Template

__all__ = ["REGIONS", "StructureAtlas", "make_atlas"]

REGIONS: Mapping[AnatomyClass, int] = {
    AnatomyClass.CORTEX: 14,
    AnatomyClass.CEREBRAL_WHITE: 14,
    AnatomyClass.DEEP_GREY: 3,
    AnatomyClass.VENTRICLES: 3,
    AnatomyClass.CEREBELLAR_GREY: 1,
    AnatomyClass.BRAIN_STEM: 1,
}
"""Class -> regions on each side."""

_SURE = 0.5
_SAMPLES = 8000


@dataclass(frozen=True)
class StructureAtlas:
    """Centres (regions, 3) of each class, in template mm (z, y, |x|)."""

    centres_mm: Mapping[AnatomyClass, NDArray[np.float64]]

    def structures(self, anatomy: NDArray[np.uint8], places_mm: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the structure of every voxel, 0 for none.

        Args:
            anatomy: classes of a head, (z, y, x).
            places_mm: place in the template that each voxel comes from, (z, y, x, 3).
        """
        result = np.zeros(anatomy.shape, np.uint8)
        first = 1
        for kind, centres in self.centres_mm.items():
            inside = anatomy == kind
            places = places_mm[inside]
            side = (places[:, 2] > 0).astype(np.int64)
            region = cKDTree(centres).query(_folded(places))[1]
            result[inside] = first + 2 * region + side
            first += 2 * len(centres)
        return result


def make_atlas(template: Template, regions: Mapping[AnatomyClass, int] = REGIONS, seed: int = 152) -> StructureAtlas:
    """Cluster the template's tissues into regions."""
    rng = np.random.default_rng(seed)
    centres = {}
    for kind, count in regions.items():
        voxels = np.argwhere(template.probabilities[BRAIN_CLASSES.index(kind)].numpy() > _SURE)
        places = voxels[rng.choice(len(voxels), min(_SAMPLES, len(voxels)), replace=False)] + template.origin_mm
        centres[kind] = kmeans2(_folded(places), count, minit="++", seed=rng)[0]
    return StructureAtlas(centres)


def _folded(places_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Both sides of the head laid upon each other."""
    folded = np.array(places_mm, np.float64)
    folded[:, 2] = np.abs(folded[:, 2])
    return folded
