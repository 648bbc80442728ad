"""Batches by number: what batch 17 holds does not depend on who asks, when, or how many processes prepare batches."""

from __future__ import annotations

from typing import Any

import torch
from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter

from mambamed.training.seeds import derived_seed
from mambamed.training.seeds import random_state_kept
from mambamed.training.seeds import seed_everything

__all__ = ["NumberedBatches", "in_processes"]


class NumberedBatches:
    """Gives the batches of one of nnU-Net's loaders in order, each sample drawn with a seed of its own.

    Args:
        loader: nnU-Net's loader with its data, patch sizes and augmentation.
        seed: Of the training.
        stream: 0 for training, 1 for validation.
        first: Number of the first batch that is asked for.
        samples: Places in the whole batch that are filled here; the other ranks fill the others.
        batch_size: Samples of the whole batch.
        processes: Processes that prepare batches in turn.
    """

    def __init__(
        self, loader: Any, seed: int, stream: int, first: int, samples: range, batch_size: int, processes: int
    ) -> None:
        self._loader = loader
        self._seed = seed
        self._stream = stream
        self._first = self._number = first
        self._samples = samples
        self._random_samples = round(batch_size * (1 - loader.oversample_foreground_percent))
        self._step = max(1, processes)
        self._place = 0
        loader.batch_size = 1
        loader.get_do_oversample = self._must_hold_foreground

    def set_thread_id(self, number: int) -> None:
        """Say which of the processes this copy works in; called there.

        A forked process has none of the threads that its parent computes with, and waits for them for ever when a
        matrix product is shared among them: so it computes alone.
        """
        torch.set_num_threads(1)
        self._number = self._first + number

    def __iter__(self) -> NumberedBatches:
        return self

    def __next__(self) -> dict[str, Any]:
        number = self._number
        self._number += self._step
        with random_state_kept():
            samples = [self._sample(number, place) for place in self._samples]
        return {
            "data": torch.cat([sample["data"] for sample in samples]),
            "target": _joined([sample["target"] for sample in samples]),
            "keys": [key for sample in samples for key in sample["keys"]],
        }

    def _sample(self, number: int, place: int) -> dict[str, Any]:
        seed_everything(derived_seed(self._seed, self._stream, number, place))
        self._place = place
        sample: dict[str, Any] = self._loader.generate_train_batch()
        return sample

    def _must_hold_foreground(self, _: int) -> bool:
        """nnU-Net's rule for the whole batch: the last third of it shows foreground."""
        return self._place >= self._random_samples


def in_processes(batches: NumberedBatches, processes: int, pin_memory: bool) -> Any:
    """Prepare batches in processes beside the training, handed over in the order of their numbers; 0 stays here."""
    if processes == 0:
        return batches
    return MultiThreadedAugmenter(batches, None, processes, pin_memory=pin_memory, wait_time=0.002)


def _joined(targets: list[Any]) -> Any:
    """Join the targets of several samples; with deep supervision each is a list, one per resolution."""
    if isinstance(targets[0], list):
        return [torch.cat(list(resolution)) for resolution in zip(*targets, strict=True)]
    return torch.cat(targets)
