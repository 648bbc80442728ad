"""Similarity of two whole volumes under a transform, with its gradient: for measures that are no dot products."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor
from torch.nn import functional

from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.features import FeatureVolume
from mambamed.registration.features import mask_on_grid
from mambamed.registration.pressure_field import grid_points_mm
from mambamed.registration.similarity.measures import build_similarity
from mambamed.registration.transforms import TransformModel

__all__ = ["IntensityObjective", "level_volume"]

_DIFFERENCE_MM = 0.5
_POINTS = 2000
_MEASURES = {"lc2": "lc2", "ncc": "ncc", "mattes": "mattes-mi"}


class IntensityObjective:
    """A similarity of the fixed volume and the moving one resampled onto its grid.

    Where the moving volume (its mask) does not reach counts nothing, so that all of the similarity comes from what both
    show. Gradients go through the interpolation (LC2, NCC) or are central differences (mutual information).

    Args:
        fixed: normalised fixed volume with weights, see ``level_volume``.
        moving: normalised moving volume; its weights tell where it counts.
        model: family of transforms.
        method: "lc2", "ncc" or "mattes".
        initial: linear transform (4 x 4, LPS mm) applied before the model.
    """

    def __init__(
        self, fixed: FeatureVolume, moving: FeatureVolume, model: TransformModel, method: str, initial: np.ndarray
    ) -> None:
        self.model = model
        self.evaluations = 0
        self._fixed, self._weights = fixed.features, fixed.weights[None, None]
        self._similarity = build_similarity(_MEASURES[method])
        # The moving volume and where it counts are interpolated together.
        self._moving = torch.cat((moving.features, (moving.weights > 0).float()[None, None]), dim=1)
        points = torch.from_numpy(grid_points_mm(fixed.geometry))
        matrix = torch.from_numpy(initial)
        self._basis = model.basis(points @ matrix[:3, :3].T + matrix[:3, 3])
        self._to_index = torch.from_numpy(moving.geometry.physical_to_index())
        self._span = (torch.tensor(moving.geometry.size) - 1).clamp_min(1)
        inside = (fixed.weights.permute(2, 1, 0).flatten() > 0).nonzero().flatten()
        self._some = inside[:: max(1, len(inside) // _POINTS)]

    def __call__(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate (B, P) parameters: similarities (B,) and their gradients (B, P), double precision."""
        rows = [self._with_gradient(row) for row in parameters.detach().double()]
        return torch.stack([value for value, _ in rows]), torch.stack([gradient for _, gradient in rows])

    def value(self, parameters: Tensor) -> float:
        """The similarity of one set of parameters (P,)."""
        with torch.no_grad():
            return float(self._compare(parameters.double()))

    def transformed_points(self, parameters: Tensor) -> Tensor:
        """Where each of (B, P) parameters takes some points of the fixed volume: (B, N, 3), LPS mm."""
        return torch.einsum("bik,nk->bni", self.model.matrices(parameters.double()), self._basis[self._some])

    def _with_gradient(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        if self._similarity.differentiable:
            leaf = parameters.clone().requires_grad_()
            with torch.enable_grad():
                value = self._compare(leaf)
            (gradient,) = torch.autograd.grad(value, leaf)
            return value.detach(), gradient
        steps = _DIFFERENCE_MM * torch.eye(len(parameters), dtype=torch.float64)
        slopes = [self.value(parameters + step) - self.value(parameters - step) for step in steps]
        value = torch.tensor(self.value(parameters), dtype=torch.float64)
        return value, torch.tensor(slopes, dtype=torch.float64) / (2.0 * _DIFFERENCE_MM)

    def _compare(self, parameters: Tensor) -> Tensor:
        self.evaluations += 1
        places = self._basis @ self.model.matrices(parameters[None])[0].T
        index = places @ self._to_index[:3, :3].T + self._to_index[:3, 3]
        grid = (2.0 * index / self._span - 1.0).flip(-1)
        size = self._fixed.shape[2:]
        grid = grid.reshape(size[2], size[1], size[0], 3).permute(2, 1, 0, 3)[None].float()
        image = functional.grid_sample(self._moving[:, :1], grid, align_corners=True, padding_mode="border")
        inside = functional.grid_sample(self._moving[:, 1:].detach(), grid.detach(), align_corners=True)
        weights = self._weights * (inside > 0.5)
        return self._similarity(self._fixed, image, weights)[0].double()


def level_volume(
    image: sitk.Image, spacing_mm: float, mask: sitk.Image | None, region: sitk.Image | None = None
) -> FeatureVolume:
    """A volume at a resolution; weights are 1 inside its mask and region, which mean what ``prepare_volume`` says."""
    prepared = prepare_volume(image, spacing_mm, mask, region)
    weights = torch.ones(prepared.geometry.size)
    for part in (mask, region):
        if part is not None:
            inside = weights * mask_on_grid(part, prepared.geometry)
            weights = inside if bool(inside.any()) else weights
    return FeatureVolume(prepared.tensor, weights, prepared.geometry)
