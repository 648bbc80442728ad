"""Batches by number: whole epochs, the middle of one, several processes."""

from __future__ import annotations

import pytest
from mambamed.training import numbered_batches as module
from mambamed.training.numbered_batches import NumberedBatches


def _epochs(batches: NumberedBatches, count: int) -> list[list[tuple[int, int]]]:
    return [batch for _ in range(count) for batch in batches]


def test_an_epoch_has_each_sample_once_in_an_order_of_its_own() -> None:
    batches = NumberedBatches(12, 4, seed=1)
    first, second = list(batches), list(batches)
    for number, epoch in enumerate((first, second)):
        assert len(epoch) == len(batches) == 3
        assert sorted(index for batch in epoch for index, _ in batch) == list(range(12))
        assert {drawn for batch in epoch for _, drawn in batch} == {number}
    assert [index for batch in first for index, _ in batch] != [index for batch in second for index, _ in batch]


@pytest.mark.parametrize("number", range(9))
def test_begins_anywhere_as_if_it_had_not_stopped(number: int) -> None:
    whole = _epochs(NumberedBatches(11, 3, seed=5), 3)
    resumed = NumberedBatches(11, 3, seed=5)
    resumed.next_number = number
    assert _epochs(resumed, 3 - number // 3) == whole[number:]


def test_fewer_samples_than_a_batch() -> None:
    (batch,) = NumberedBatches(2, 5, seed=0)
    assert len(batch) == 5
    assert {index for index, _ in batch} == {0, 1}


def test_processes_share_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(NumberedBatches(10, 5, seed=2))
    monkeypatch.setattr(module, "own_samples", lambda size: range(2))
    first = list(NumberedBatches(10, 5, seed=2))
    monkeypatch.setattr(module, "own_samples", lambda size: range(2, 5))
    second = list(NumberedBatches(10, 5, seed=2))
    assert [a + b for a, b in zip(first, second, strict=True)] == whole
