"""Batches that depend on their number alone, so that a training stopped anywhere goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from mambamed.training.process_group import own_samples
from mambamed.training.seeds import derived_seed

__all__ = ["NumberedBatches"]


class NumberedBatches(Sampler[list[tuple[int, int]]]):
    """A batch sampler that shuffles each epoch by the seed and the epoch's number.

    A data set is asked for pairs (index, epoch), so that it can draw its augmentation from them too. Of several
    processes that train together each gets its own part of every batch.

    Attributes:
        next_number: of the batch with which iteration begins, counted from the first of the training.
    """

    def __init__(self, samples: int, batch_size: int, seed: int) -> None:
        """Take ``samples`` in batches of ``batch_size``; what does not fill a batch waits for another epoch's order.

        With fewer samples than a batch holds, some come twice in it.
        """
        self._samples = samples
        self._batch_size = batch_size
        self._seed = seed
        self.next_number = 0

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return max(1, self._samples // self._batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield the rest of the epoch in which ``next_number`` lies."""
        epoch, first = divmod(self.next_number, len(self))
        order = np.random.default_rng(derived_seed(self._seed, epoch)).permutation(self._samples)
        order = np.resize(order, max(self._samples, self._batch_size))
        own = own_samples(self._batch_size)
        for batch in range(first, len(self)):
            start = batch * self._batch_size
            if batch == len(self) - 1:
                # Who knows the length asks for no more; nothing after the last batch would be reached.
                self.next_number = (epoch + 1) * len(self)
            yield [(int(order[start + place]), epoch) for place in own]
