"""A lightning training: its schedule, its stop at any batch, its resume, its end at a loss that is no number."""

from __future__ import annotations

from pathlib import Path

import lightning
import pytest
import torch
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import NullReporter
from mambamed.training.fitting import FitOptions
from mambamed.training.fitting import fit
from mambamed.training.numbered_batches import NumberedBatches
from torch.utils.data import DataLoader

_SAMPLES, _BATCH, _EPOCHS = 7, 2, 3
_BATCHES = _SAMPLES // _BATCH


class _Numbers(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return _SAMPLES

    def __getitem__(self, key: tuple[int, int]) -> torch.Tensor:
        index, epoch = key
        return torch.tensor([float(index), float(epoch)])


class _Line(lightning.LightningModule):
    def __init__(self, broken_at: int = -1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 1)
        self.seen: list[list[float]] = []
        self.rates: list[float] = []
        self.broken_at = broken_at

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        self.seen.append(batch.flatten().tolist())
        loss = self.layer(batch).square().mean()
        return loss * float("nan") if len(self.seen) - 1 == self.broken_at else loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class _Stopping(NullReporter):
    """Wants the training stopped after so many batches."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.batches = 0

    @property
    def stop_requested(self) -> bool:
        self.batches += 1
        return self.batches == self.after


def _fit(module: _Line, folder: Path, reporter: NullReporter | None = None, resume: bool = False, **changes) -> int:
    options = FitOptions(**{"epochs": _EPOCHS, "learning_rate": 0.01, **changes})
    loader = DataLoader(_Numbers(), batch_sampler=NumberedBatches(_SAMPLES, _BATCH, seed=3))
    return fit(module, loader, None, options, reporter or NullReporter(), folder, resume)


@pytest.mark.parametrize("after", [1, 2, 3, 5, 7])
def test_stopped_at_any_batch_and_resumed_it_is_the_same_training(after: int, tmp_path: Path) -> None:
    whole = _Line()
    _fit(whole, tmp_path / "whole", scheduler="steps", milestones=(1, 2), warm_up_iterations=4)
    stopped = _Line()
    with pytest.raises(JobCancelledError, match="stopped in epoch"):
        _fit(stopped, tmp_path / "parts", _Stopping(after), scheduler="steps", milestones=(1, 2), warm_up_iterations=4)
    assert len(stopped.seen) == after
    resumed = _Line()
    _fit(resumed, tmp_path / "parts", resume=True, scheduler="steps", milestones=(1, 2), warm_up_iterations=4)
    assert stopped.seen + resumed.seen == whole.seen
    assert len(whole.seen) == _BATCHES * _EPOCHS
    assert stopped.rates + resumed.rates == whole.rates
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_cancelled_in_an_epoch_it_goes_on_from_the_last_whole_one(tmp_path: Path) -> None:
    class Cancelling(NullReporter):
        calls = 0

        def check_cancelled(self) -> None:
            self.calls += 1
            if self.calls == _BATCHES + 2:
                raise JobCancelledError("The job was cancelled.")

    whole, cancelled, resumed = _Line(), _Line(), _Line()
    _fit(whole, tmp_path / "whole")
    with pytest.raises(JobCancelledError):
        _fit(cancelled, tmp_path / "parts", Cancelling())
    _fit(resumed, tmp_path / "parts", resume=True)
    assert resumed.seen == whole.seen[_BATCHES:]
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_loss_that_is_no_number_ends_it(tmp_path: Path) -> None:
    with pytest.raises(MambaMedError, match="NaN"):
        _fit(_Line(broken_at=2), tmp_path)


def test_rates_in_steps_after_a_rise_from_a_third(tmp_path: Path) -> None:
    module = _Line()
    _fit(module, tmp_path, scheduler="steps", milestones=(1, 2), warm_up_iterations=2, learning_rate=0.3)
    assert module.rates == pytest.approx([0.1, 0.2, 0.3, 0.03, 0.03, 0.03, 0.003, 0.003, 0.003])


def test_the_gradient_is_clipped(tmp_path: Path) -> None:
    before = [parameter.detach().clone() for parameter in _Line().parameters()]
    module = _Line()
    _fit(module, tmp_path, epochs=1, scheduler="steps", gradient_clip=1e-6)
    moved = [(a - b).abs().max() for a, b in zip(before, module.parameters(), strict=True)]
    assert 0 < max(moved).item() < 1e-6
