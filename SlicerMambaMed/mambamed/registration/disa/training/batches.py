"""Batches of a DISA training, made ahead in a thread of their own while the network works on the one before."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambamed.registration.disa.training.pair_loss import pair_targets
from mambamed.registration.disa.training.positions import draw_positions
from mambamed.registration.disa.training.positions import position_weights
from mambamed.registration.disa.training.scenes import draw_scene
from mambamed.registration.disa_training_settings import DISATrainingSettings

__all__ = ["Batch", "batches", "draw_batch"]

_CONTRASTS = 2


@dataclass(frozen=True)
class Batch:
    """The data of one step.

    Attributes:
        volumes: (2 * scenes, 1, S, S, S), channels last in memory.
        positions: (2 * scenes, N), as from ``draw_positions``.
        targets: (2 * scenes * N, 2 * scenes * N), LC2 of all pairs of positions.
    """

    volumes: Tensor
    positions: NDArray[np.int64]
    targets: Tensor


def draw_batch(
    settings: DISATrainingSettings, step: int, device: torch.device, product_dtype: torch.dtype | None = None
) -> Batch:
    """Make the data of a step from the seed and the number of the step alone; see ``pair_targets`` for the last."""
    rng = np.random.default_rng([settings.seed, step])
    scenes = [draw_scene(rng, settings.crop_voxels, _CONTRASTS) for _ in range(settings.scenes)]
    volumes = torch.from_numpy(np.concatenate(scenes))[:, None]
    weights = position_weights(volumes)
    count = min(settings.positions, weights.shape[1])
    positions = draw_positions(rng, weights, count, settings.shared_positions, _CONTRASTS)
    volumes = volumes.to(device)
    targets = pair_targets(volumes, positions, product_dtype)
    return Batch(volumes.contiguous(memory_format=torch.channels_last_3d), positions, targets)


def batches(
    settings: DISATrainingSettings, first_step: int, device: torch.device, product_dtype: torch.dtype | None = None
) -> Generator[Batch, None, None]:
    """Yield the batches from ``first_step`` on, without end; close the generator to end the thread."""

    def prepare_thread() -> None:
        # The number of threads inside one operation is a property of each thread that calls PyTorch.
        if settings.threads:
            torch.set_num_threads(settings.threads)

    with ThreadPoolExecutor(1, "batches", prepare_thread) as pool:
        step = first_step
        coming = pool.submit(draw_batch, settings, step, device, product_dtype)
        while True:
            batch = coming.result()
            step += 1
            coming = pool.submit(draw_batch, settings, step, device, product_dtype)
            yield batch
