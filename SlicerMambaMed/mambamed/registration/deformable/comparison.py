"""What a deformable estimation compares: features of a pair in one frame, with weights, before and after alignment."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk
import torch
from torch import Tensor

from mambamed.registration.alignment import feature_options
from mambamed.registration.deformable.continuous import field_similarity
from mambamed.registration.deformable.frames import FeatureFrame
from mambamed.registration.disa.network import DISANet
from mambamed.registration.geometry import GridGeometry
from mambamed.registration.pair import ImagePair
from mambamed.registration.settings import RegistrationSettings

__all__ = ["ComparedFeatures", "FeatureComparison"]


@dataclass(frozen=True)
class ComparedFeatures:
    """Features of the fixed volume and of the aligned moving one, on the device of the estimation.

    Attributes:
        fixed: (1, C, X, Y, Z).
        moving: the same with ``margin`` more cells on each side.
        weights: (X, Y, Z), 0 to 1: how much a cell counts.
        margin: per axis, cells.
    """

    fixed: Tensor
    moving: Tensor
    weights: Tensor
    margin: tuple[int, int, int]

    def similarity(self, field: Tensor) -> float:
        """Weighted mean similarity with a field (1, 3, X, Y, Z), cells."""
        return float(field_similarity(self.fixed, self.moving, self.weights[None, None], self.margin, field))


class FeatureComparison:
    """Describes a pair in the frame of a deformable estimation.

    Args:
        pair: checked images.
        settings: spacing, effort, device options.
        method: "disa" or "mind-ssc", whatever the settings name.
        network: DISA network, for "disa".
        device: where features and fields are computed.
    """

    def __init__(
        self,
        pair: ImagePair,
        settings: RegistrationSettings,
        method: str,
        network: DISANet | None,
        device: torch.device,
    ) -> None:
        options = {**feature_options(settings, device), "network": network}
        self._frame = FeatureFrame(pair, method, _stride(pair, settings), options, settings.cache)
        self._device = device

    @property
    def geometry(self) -> GridGeometry:
        """The grid of the features, in fixed space."""
        return self._frame.geometry

    def features(self, transform: sitk.Transform, margin_cells: int = 0) -> ComparedFeatures:
        """Features after a linear transform fixed -> moving (LPS mm)."""
        found = self._frame.features(transform, margin_cells)
        weights = _importance(found.fixed.weights).to(self._device)
        fixed, moving = (volume.features.to(self._device) for volume in (found.fixed, found.moving))
        return ComparedFeatures(fixed, moving, weights, found.margin)

    def similarity(self, transform: sitk.Transform) -> float:
        """Weighted mean similarity after a linear transform alone."""
        base = torch.zeros(1, 3, *self.geometry.size, device=self._device)
        return self.features(transform).similarity(base)


def _stride(pair: ImagePair, settings: RegistrationSettings) -> int:
    wanted = settings.deformable_spacing_mm or 2.0 * pair.working_spacing_mm
    if settings.effort == "quick" and settings.deformable_spacing_mm is None:
        wanted *= 2.0
    return min((1, 2, 4), key=lambda stride: abs(stride * pair.working_spacing_mm - wanted))


def _importance(weights: Tensor) -> Tensor:
    """Weights w between 0 and 1: half at their median, so that strong edges do not outweigh all else."""
    positive = weights[weights > 0]
    return weights / (weights + positive.median().clamp_min(1e-12))
