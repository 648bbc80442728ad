"""The similarity measures behind one interface, and how they are chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import ClassVar

import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.registration.layers.box_filter import box_mean
from mambamed.registration.similarity.interface import Similarity
from mambamed.registration.similarity.interface import check_volume_pair
from mambamed.registration.similarity.interface import weighted_mean
from mambamed.registration.similarity.lc2_patches import DEFAULT_RADII
from mambamed.registration.similarity.lc2_patches import lc2_map
from mambamed.registration.similarity.mutual_information import mattes_mutual_information
from mambamed.registration.similarity.ncc import global_ncc
from mambamed.registration.similarity.ncc import local_squared_ncc
from mambamed.registration.similarity.self_similarity import mind_ssc

__all__ = [
    "LC2Similarity",
    "LocalNCCSimilarity",
    "MattesSimilarity",
    "MindSSCSimilarity",
    "NCCSimilarity",
    "build_similarity",
    "local_variance",
    "similarity_names",
]


def local_variance(volume: Tensor, radius: int) -> Tensor:
    """Biased variance in a cube of side 2r + 1 around every voxel: the weights of LC2 (B, 1, X, Y, Z)."""
    centred = volume - volume.mean(dim=(2, 3, 4), keepdim=True)
    mean, square = box_mean(torch.cat((centred, centred**2), dim=1), radius).split(1, dim=1)
    return (square - mean**2).clamp_min(0)


@dataclass(frozen=True)
class LC2Similarity:
    """LC2 averaged over radii and voxels, each voxel weighted by the local variance of the fixed volume.

    The fixed volume is the one that is explained (the ultrasound), the moving one explains it.
    """

    name: ClassVar[str] = "lc2"
    differentiable: ClassVar[bool] = True
    radii: tuple[int, ...] = DEFAULT_RADII

    def __call__(self, fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compare volumes (B, 1, X, Y, Z) -> (B,), between 0 and 1."""
        check_volume_pair(fixed, moving, weights)
        values = []
        for radius in self.radii:
            importance = local_variance(fixed, radius)
            importance = importance if weights is None else importance * weights
            values.append(weighted_mean(lc2_map(fixed, moving, radius), importance))
        return torch.stack(values).mean(dim=0)


@dataclass(frozen=True)
class MindSSCSimilarity:
    """Negative mean squared difference of MIND-SSC descriptors: 0 when they are equal."""

    name: ClassVar[str] = "mind-ssc"
    differentiable: ClassVar[bool] = True
    radius: int = 2
    dilation: int = 2

    def __call__(self, fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compare volumes (B, 1, X, Y, Z) -> (B,), between -1 and 0."""
        check_volume_pair(fixed, moving, weights)
        difference = mind_ssc(fixed, self.radius, self.dilation) - mind_ssc(moving, self.radius, self.dilation)
        return -weighted_mean(difference**2, weights)


@dataclass(frozen=True)
class LocalNCCSimilarity:
    """Mean squared correlation coefficient in windows."""

    name: ClassVar[str] = "local-ncc"
    differentiable: ClassVar[bool] = True
    window: int = 9

    def __call__(self, fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compare volumes (B, 1, X, Y, Z) -> (B,), between 0 and 1."""
        check_volume_pair(fixed, moving, weights)
        return weighted_mean(local_squared_ncc(fixed, moving, self.window), weights)


@dataclass(frozen=True)
class NCCSimilarity:
    """Pearson's correlation over the whole volume."""

    name: ClassVar[str] = "ncc"
    differentiable: ClassVar[bool] = True

    def __call__(self, fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compare volumes (B, 1, X, Y, Z) -> (B,), between -1 and 1."""
        check_volume_pair(fixed, moving, weights)
        return global_ncc(fixed, moving, weights)


@dataclass(frozen=True)
class MattesSimilarity:
    """Mattes mutual information in nats."""

    name: ClassVar[str] = "mattes-mi"
    differentiable: ClassVar[bool] = False
    bins: int = 50

    def __call__(self, fixed: Tensor, moving: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compare volumes (B, 1, X, Y, Z) -> (B,), at least 0; weights are used as a mask."""
        check_volume_pair(fixed, moving, weights)
        return mattes_mutual_information(fixed, moving, weights, self.bins)


_MEASURES: dict[str, Callable[..., Similarity]] = {
    measure.name: measure
    for measure in (LC2Similarity, MindSSCSimilarity, LocalNCCSimilarity, NCCSimilarity, MattesSimilarity)
}


def similarity_names() -> list[str]:
    """Names that ``build_similarity`` knows."""
    return list(_MEASURES)


def build_similarity(name: str, **settings: Any) -> Similarity:
    """Make the measure called ``name`` (see ``similarity_names``) with its own settings."""
    if name not in _MEASURES:
        raise BadRequestError(f'There is no similarity measure "{name}"; choose one of {", ".join(_MEASURES)}.')
    try:
        return _MEASURES[name](**settings)
    except TypeError as error:
        raise BadRequestError(f'The similarity measure "{name}" cannot take these settings: {error}.') from error
