from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from mambamed.segmentation.trainers.batches import NumberedBatches
from mambamed.segmentation.trainers.batches import in_processes

BATCH_SIZE = 3


class FakeLoader:
    """As nnU-Net's loader: one sample per call, drawn from the global generators, foreground where that is asked."""

    oversample_foreground_percent = 0.34
    batch_size = BATCH_SIZE
    get_do_oversample: Any = None

    def generate_train_batch(self) -> dict[str, Any]:
        data = torch.rand(self.batch_size, 1, 4) + float(np.random.rand())
        foreground = torch.tensor([[float(self.get_do_oversample(0))]])
        return {"data": data, "target": [foreground, foreground], "keys": [f"case{np.random.randint(100)}"]}


def batches(first: int = 0, samples: range = range(BATCH_SIZE), processes: int = 0, stream: int = 0) -> Any:
    numbered = NumberedBatches(FakeLoader(), 7, stream, first, samples, BATCH_SIZE, processes)
    return in_processes(numbered, processes, pin_memory=False)


def take(loader: Any, count: int) -> list[dict[str, Any]]:
    return [next(loader) for _ in range(count)]


def same(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> bool:
    return all(torch.equal(a["data"], b["data"]) and a["keys"] == b["keys"] for a, b in zip(first, second, strict=True))


def test_a_later_start_gives_the_later_batches() -> None:
    assert same(take(batches(), 6)[4:], take(batches(first=4), 2))
    assert not same(take(batches(), 1), take(batches(first=1), 1))
    assert not same(take(batches(), 1), take(batches(stream=1), 1))


def test_drawing_does_not_disturb_the_training_around_it() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    next(batches())
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_change_nothing(processes: int) -> None:
    loader = batches(first=3, processes=processes)
    try:
        assert same(take(loader, 5), take(batches(first=3), 5))
    finally:
        loader._finish()


def test_ranks_share_the_batch() -> None:
    whole = next(batches())
    parts = [next(batches(samples=samples)) for samples in (range(1), range(1, 3))]
    assert torch.equal(torch.cat([part["data"] for part in parts]), whole["data"])
    assert whole["data"].shape == (3, 1, 4)
    # nnU-Net's rule: the last third of the whole batch shows foreground.
    assert whole["target"][0].flatten().tolist() == [0.0, 0.0, 1.0]
    assert len(whole["target"]) == 2
    assert [part["target"][0].flatten().tolist() for part in parts] == [[0.0], [0.0, 1.0]]


class MultiplyingLoader(FakeLoader):
    """Its augmentation multiplies matrices that are large enough to be shared among threads."""

    def generate_train_batch(self) -> dict[str, Any]:
        sample = super().generate_train_batch()
        square = torch.rand(512, 512)
        return {**sample, "data": sample["data"] + (square @ square).mean()}


def test_processes_answer_after_the_training_has_computed_with_several_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        square = torch.rand(512, 512)
        assert (square @ square).isfinite().all()
        numbered = NumberedBatches(MultiplyingLoader(), 7, 0, 0, range(1), BATCH_SIZE, 1)
        loader = in_processes(numbered, 1, pin_memory=False)
        loader._start()  # here, so that the process is forked from the thread that has computed
        answer: list[Any] = []
        asking = threading.Thread(target=lambda: answer.append(next(loader)), daemon=True)
        asking.start()
        asking.join(timeout=60)
        assert answer, "the process that prepares batches hangs"
        loader._finish()
    finally:
        torch.set_num_threads(before)
