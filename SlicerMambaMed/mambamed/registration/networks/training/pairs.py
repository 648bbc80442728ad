"""Pairs of volumes to learn from, and how a training reads them: by number, so that a resumed one goes on exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from typing import Protocol

from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset

from mambamed.training.numbered_batches import NumberedBatches
from mambamed.training.process_group import world_size

__all__ = ["PairSource", "TrainingPair", "pair_loader"]


@dataclass(frozen=True)
class TrainingPair:
    """Two volumes on one grid, axes (x, y, z).

    Attributes:
        source: the volume that is moved, (1, X, Y, Z), intensities 0 to 1.
        target: the volume that it is moved onto.
        source_labels: structures of the source, (X, Y, Z) integer, 0 is not counted; or None.
        target_labels: the same structures in the target.
        source_places: places of the source's voxels in an anatomy common to both, (3, X, Y, Z), in voxels; or None.
        target_places: those of the target.
    """

    source: Tensor
    target: Tensor
    source_labels: Tensor | None = None
    target_labels: Tensor | None = None
    source_places: Tensor | None = None
    target_places: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Return what there is, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


class PairSource(Protocol):
    """Where pairs come from; the same number always gives the same pair."""

    def training_pair(self, number: int) -> TrainingPair:
        """Return a pair to learn from; ``number`` counts the steps of the whole training."""

    def validation_pair(self, number: int) -> TrainingPair:
        """Return a pair that is never learned from."""

    def validation_pairs(self) -> int:
        """Return how many pairs there are for validation."""


class _Pairs(Dataset[dict[str, Tensor]]):
    """Pairs for validation by number, or for training by (index, epoch)."""

    def __init__(self, source: PairSource, per_epoch: int | None) -> None:
        self._source = source
        self._per_epoch = per_epoch

    def __len__(self) -> int:
        return self._source.validation_pairs() if self._per_epoch is None else self._per_epoch

    def __getitem__(self, place: int | tuple[int, int]) -> dict[str, Tensor]:
        if isinstance(place, tuple):
            index, epoch = place
            return self._source.training_pair(epoch * len(self) + index).tensors()
        return self._source.validation_pair(place).tensors()


def pair_loader(source: PairSource, iterations: int | None, seed: int = 0, processes: int = 0) -> DataLoader[Any]:
    """Read pairs one by one (batch size 1 in every process, as in the paper).

    Args:
        source: where they come from.
        iterations: training pairs per epoch and process; None reads the validation pairs.
        seed: of the order of the training pairs.
        processes: that prepare pairs; 0 prepares them in the training process.
    """
    if iterations is None:
        return DataLoader(_Pairs(source, None), batch_size=1)
    together = world_size()
    per_epoch = iterations * together
    options: dict[str, Any] = {"multiprocessing_context": "spawn"} if processes else {}
    return DataLoader(
        _Pairs(source, per_epoch),
        batch_sampler=NumberedBatches(per_epoch, together, seed),
        num_workers=processes,
        **options,
    )
