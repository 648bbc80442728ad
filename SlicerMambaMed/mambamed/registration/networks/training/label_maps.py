"""Training pairs without any image: label maps, deformed at random, painted with random contrasts.

The idea is SynthMorph's (Hoffmann et al., IEEE Transactions on Medical Imaging 41(3), 2022): a network that has seen
every contrast learns to look at shapes, and the labels that made the images tell how well it did.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mambamed.errors import BadRequestError
from mambamed.registration.networks.training.deformation import DeformationRange
from mambamed.registration.networks.training.deformation import deformed_points
from mambamed.registration.networks.training.deformation import draw_affine
from mambamed.registration.networks.training.deformation import draw_deformation
from mambamed.registration.networks.training.deformation import grid_points
from mambamed.registration.networks.training.pairs import TrainingPair
from mambamed.training.seeds import derived_seed

__all__ = ["LabelMap", "ListedMaps", "MapLibrary", "Painter", "SyntheticPairs"]

_TRAINING, _VALIDATION = 0, 1
_MIRRORED_SHARE = 0.5


@dataclass(frozen=True)
class LabelMap:
    """One anatomy, axes (x, y, z).

    Attributes:
        painted: (X, Y, Z) integer, parts that have an intensity of their own.
        scored: (X, Y, Z) integer, structures that Dice counts; 0 is none.
        spacing_mm: size of the cubic voxels.
        places: (3, X', Y', Z') places in an anatomy common to all maps, in mm, on a grid of the same extent; or None.
    """

    painted: NDArray[np.integer]
    scored: NDArray[np.integer]
    spacing_mm: float
    places: NDArray[np.floating] | None = None


class Painter(Protocol):
    """Turns parts into an image; see ``painting.paint_freely``."""

    def __call__(
        self,
        contrast: np.random.Generator,
        noise: np.random.Generator,
        parts: Tensor,
        blend: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Paint one image.

        Args:
            contrast: source of the draws that make a contrast; in equal states two images have the same one.
            noise: source of all other draws.
            parts: (X, Y, Z) part at every voxel.
            blend: maps the intensities of all parts (N,) to an image (X, Y, Z) with partial volumes.

        Returns:
            (X, Y, Z), intensities 0 to 1.
        """


class MapLibrary(Protocol):
    """Label maps by number."""

    def training_maps(self, rng: np.random.Generator) -> tuple[LabelMap, LabelMap]:
        """Draw the anatomies of source and target."""

    def validation_maps(self, rng: np.random.Generator) -> tuple[LabelMap, LabelMap]:
        """Draw two anatomies that are kept for validation."""


@dataclass(frozen=True)
class SyntheticPairs:
    """Pairs made of label maps.

    Attributes:
        maps: where the anatomies come from.
        painter: gives them contrasts.
        limits: how far they are deformed.
        shape: voxels (x, y, z) of the volumes.
        spacing_mm: their size.
        seed: of all draws.
        held_out: pairs for validation.
        same_contrast_share: pairs in which both images have one contrast, as two scans of one sequence do.
    """

    maps: MapLibrary
    painter: Painter
    limits: DeformationRange
    shape: tuple[int, int, int]
    spacing_mm: float
    seed: int
    held_out: int
    same_contrast_share: float = 0.0

    @cached_property
    def _points(self) -> Tensor:
        return grid_points(self.shape, self.spacing_mm)

    def training_pair(self, number: int) -> TrainingPair:
        """See ``PairSource``."""
        rng = np.random.default_rng(derived_seed(self.seed, _TRAINING, number))
        return self._pair(rng, *self.maps.training_maps(rng))

    def validation_pair(self, number: int) -> TrainingPair:
        """See ``PairSource``."""
        rng = np.random.default_rng(derived_seed(self.seed, _VALIDATION, number))
        return self._pair(rng, *self.maps.validation_maps(rng))

    def validation_pairs(self) -> int:
        """See ``PairSource``."""
        return self.held_out

    def _pair(self, rng: np.random.Generator, source: LabelMap, target: LabelMap) -> TrainingPair:
        common = draw_affine(rng, self.limits.common)
        if rng.random() < _MIRRORED_SHARE:
            common[:, 0] *= -1.0
        contrasts = rng.integers(2**32, size=2)
        if rng.random() < self.same_contrast_share:
            contrasts[1] = contrasts[0]
        first, second = (
            self._image(rng, label_map, common, int(contrast))
            for label_map, contrast in zip((source, target), contrasts, strict=True)
        )
        return TrainingPair(first[0], second[0], first[1], second[1], first[2], second[2])

    def _image(
        self, rng: np.random.Generator, label_map: LabelMap, common: NDArray[np.float64], contrast: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        displacement = draw_deformation(rng, self.limits, self.shape, self.spacing_mm)
        own = draw_affine(rng, self.limits.own)
        points = deformed_points(self._points, displacement, [own, common])
        sampler = _MapSampler(label_map, points)
        image = self.painter(np.random.default_rng(contrast), rng, sampler.nearest(label_map.painted), sampler.blend)
        places = None
        if label_map.places is not None:
            places = sampler.linear(torch.from_numpy(np.asarray(label_map.places, np.float32))) / self.spacing_mm
        return image[None], sampler.nearest(label_map.scored), places


class _MapSampler:
    """Reads a label map at points (3, X, Y, Z) in mm from its middle; outside it has the value 0."""

    def __init__(self, label_map: LabelMap, points: Tensor) -> None:
        self._map = label_map
        size = torch.tensor(label_map.painted.shape, dtype=torch.float32)
        if int(size.min()) < 2:
            raise BadRequestError(f"A label map has {tuple(label_map.painted.shape)} voxels; expected a volume.")
        voxels = points / label_map.spacing_mm + ((size - 1.0) / 2.0)[:, None, None, None]
        indices = voxels.round().long()
        last = (size.long() - 1)[:, None, None, None]
        self._inside = ((indices >= 0) & (indices <= last)).all(dim=0)
        x, y, z = torch.minimum(indices.clamp(min=0), last)
        self._flat = (x * int(size[1]) + y) * int(size[2]) + z
        unit = 2.0 * voxels / (size - 1.0)[:, None, None, None] - 1.0
        self._unit = unit.flip(0).movedim(0, -1)[None].contiguous()

    def nearest(self, values: NDArray[np.integer]) -> Tensor:
        found = torch.from_numpy(values).flatten()[self._flat]
        return torch.where(self._inside, found, torch.zeros_like(found)).long()

    def blend(self, intensities: Tensor) -> Tensor:
        background = intensities[0]
        volume = (intensities - background)[torch.from_numpy(self._map.painted).long()]
        return self._sample(volume[None], "zeros")[0] + background

    def linear(self, volume: Tensor) -> Tensor:
        return self._sample(volume, "border")

    def _sample(self, volume: Tensor, padding: str) -> Tensor:
        return functional.grid_sample(
            volume[None], self._unit, mode="bilinear", padding_mode=padding, align_corners=True
        )[0]


@dataclass(frozen=True)
class ListedMaps:
    """Maps of one anatomy in several persons; the last ones are kept for validation.

    Attributes:
        maps: all of them, with the same structures.
        held_out: so many at the end are for validation.
    """

    maps: Sequence[LabelMap]
    held_out: int

    def training_maps(self, rng: np.random.Generator) -> tuple[LabelMap, LabelMap]:
        """See ``MapLibrary``."""
        return self._two(rng, self.maps[: len(self.maps) - self.held_out])

    def validation_maps(self, rng: np.random.Generator) -> tuple[LabelMap, LabelMap]:
        """See ``MapLibrary``."""
        return self._two(rng, self.maps[len(self.maps) - self.held_out :] or self.maps)

    @staticmethod
    def _two(rng: np.random.Generator, maps: Sequence[LabelMap]) -> tuple[LabelMap, LabelMap]:
        first, second = rng.choice(len(maps), 2, replace=len(maps) < 2)
        return maps[first], maps[second]
