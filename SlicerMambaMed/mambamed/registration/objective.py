"""Equation 2 of DISA: the similarity of two feature volumes under many transforms at once, with its gradient."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mambamed.registration.features import FeatureVolume
from mambamed.registration.objective_kernel import accumulate
from mambamed.registration.transforms import TransformModel

__all__ = ["SampledObjective"]


class SampledObjective:
    """Mean similarity over points of the fixed image, drawn once.

    Points are drawn with a probability proportional to the fixed image's weights w and then moved at random within
    their
    cell: points on the grid itself would make a false optimum at shifts by whole cells. Points that leave the moving
    image count as similarity 0.

    Args:
        fixed: features of the fixed image.
        moving: features of the moving image.
        model: the family of transforms.
        points: number of points.
        initial: linear transform (4 x 4, LPS mm) applied to fixed points before the model, or None.
        seed: of the random draw.
        threads: how many threads evaluate transforms; None takes torch's number.
    """

    def __init__(
        self,
        fixed: FeatureVolume,
        moving: FeatureVolume,
        model: TransformModel,
        points: int = 2000,
        initial: np.ndarray | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        cells = torch.multinomial(fixed.weights.flatten().double(), points, replacement=True, generator=generator)
        size = torch.tensor(fixed.geometry.size)
        index = torch.stack(torch.unravel_index(cells, tuple(fixed.geometry.size)), dim=1).double()
        jitter = torch.rand(points, 3, generator=generator, dtype=torch.float64) - 0.5
        # Half cells beyond the border hold no features; an axis with one sample has no cells at all.
        index = torch.minimum((index + jitter).clamp_min(0.0), (size - 1).double())
        self.model = model
        self.points_mm = _apply(torch.from_numpy(fixed.geometry.index_to_physical()), index)
        started = self.points_mm if initial is None else _apply(torch.from_numpy(initial), self.points_mm)
        self._basis = model.basis(started).numpy()
        self._samples = _interpolate(fixed.features, index).numpy()
        self._weights = np.full(points, 1.0 / points)
        self._moving = moving.features[0].permute(1, 2, 3, 0).contiguous().float().numpy()
        self._to_index = torch.from_numpy(moving.geometry.physical_to_index())
        self._threads = threads or torch.get_num_threads()
        self.evaluations = 0

    def __call__(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate (B, P) parameters: similarities (B,) and their gradients (B, P), double precision."""
        leaf = parameters.detach().double().requires_grad_()
        with torch.enable_grad():
            matrices = self._index_matrices(self.model.matrices(leaf))
        values, slopes = self._evaluate(np.ascontiguousarray(matrices.detach().numpy()))
        (gradient,) = torch.autograd.grad(matrices, leaf, torch.from_numpy(slopes))
        return torch.from_numpy(values), gradient

    def transformed_points(self, parameters: Tensor) -> Tensor:
        """Where each of (B, P) parameters takes the points: (B, N, 3), LPS mm."""
        return torch.einsum("bik,nk->bni", self.model.matrices(parameters.double()), torch.from_numpy(self._basis))

    def _index_matrices(self, matrices: Tensor) -> Tensor:
        """From physical to moving indices; the constant term (basis function 3) takes the offset."""
        linear = self._to_index[:3, :3] @ matrices
        offset = torch.zeros_like(linear[0])
        offset[:, 3] = self._to_index[:3, 3]
        return linear + offset

    def _evaluate(self, matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = len(matrices)
        self.evaluations += count
        values, slopes = np.empty(count), np.empty(matrices.shape)
        arguments = (self._moving, self._samples, self._weights, self._basis, matrices)
        workers = min(self._threads, count)
        cuts = [count * part // workers for part in range(workers + 1)]
        if workers == 1:
            accumulate(*arguments, 0, count, values, slopes)
        else:
            with ThreadPoolExecutor(workers) as pool:
                jobs = [
                    pool.submit(accumulate, *arguments, cuts[part], cuts[part + 1], values, slopes)
                    for part in range(workers)
                ]
                for job in jobs:
                    job.result()
        return values, slopes


def _apply(matrix: Tensor, points: Tensor) -> Tensor:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _interpolate(features: Tensor, index: Tensor) -> Tensor:
    """Trilinear interpolation of (1, C, X, Y, Z) at continuous indices (N, 3) inside the grid -> (N, C)."""
    span = (torch.tensor(features.shape[2:]) - 1).clamp_min(1)
    grid = (2.0 * index / span - 1.0).flip(1).to(features.dtype)[None, :, None, None]
    sampled = functional.grid_sample(features, grid, align_corners=True, padding_mode="border")
    return sampled[0, :, :, 0, 0].T.contiguous()
