"""Train a lightning module with what all our trainings share: progress, cancel, time limit, resume, early stopping."""

from __future__ import annotations

import logging
import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import Reporter
from mambamed.jobs.reporter import stop_requested
from mambamed.nn.small_convolutions import keep_small_convolutions_exact
from mambamed.training.numbered_batches import NumberedBatches
from mambamed.training.process_group import any_rank
from mambamed.training.process_group import largest_of_ranks
from mambamed.training.process_group import rank
from mambamed.training.process_group import world_size
from mambamed.training.schedule import TrainingClock

__all__ = ["FitOptions", "fit"]

_LAST = "last.ckpt"
_LOSS = "validation_loss"


@dataclass(frozen=True)
class FitOptions:
    """How long and how to train.

    Attributes:
        epochs: At most.
        learning_rate: At the start.
        scheduler: ``polynomial`` (decays to 0 over epochs or time), ``plateau`` (a tenth after five epochs without a
            lower validation loss), ``steps`` (a tenth after each milestone) or ``constant``.
        patience: Epochs without a lower validation loss after which training ends; None never ends early.
        minutes: Time limit, or None.
        device: The computing device.
        keep_best: Return the weights of the lowest validation loss, else the last ones.
        precision: ``float32`` or ``bfloat16`` (of what autocast allows it for).
        stage: What progress calls this training.
        milestones: Epochs of ``steps`` after which the rate drops; with a time limit, shares of the schedule.
        warm_up_iterations: Of ``polynomial`` and ``steps``; the rate rises linearly over so many.
        gradient_clip: Largest norm of the gradient, or None.
        unused_parameters: Whether some parameters take no part in the loss, which several processes must know.
    """

    epochs: int
    learning_rate: float
    scheduler: str = "polynomial"
    patience: int | None = None
    minutes: float | None = None
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (a device is a value)
    keep_best: bool = False
    precision: str = "float32"
    stage: str = "training"
    milestones: tuple[int, ...] = ()
    warm_up_iterations: int = 0
    gradient_clip: float | None = None
    unused_parameters: bool = False


def fit(
    module: lightning.LightningModule,
    train: DataLoader[Any],
    validation: DataLoader[Any] | None,
    options: FitOptions,
    reporter: Reporter,
    folder: Path,
    resume: bool = False,
) -> int:
    """Train ``module`` in place.

    Args:
        module: Logs ``validation_loss`` in its validation step; what else it logs there is told to the reporter, too.
            Its optimiser's learning rate is set from ``options``.
        train: Training batches.
        validation: Validation batches; None trains without.
        options: How long and how.
        reporter: Hears progress and metrics, may cancel.
        folder: Checkpoints go here.
        resume: Go on from the last checkpoint in the folder, if there is one; after a stop in the middle of an epoch
            exactly there, if the batches come from ``NumberedBatches``.

    Under torchrun all processes train together, each on its own samples of every batch.

    Returns:
        Epochs that were trained.

    Raises:
        JobCancelledError: Cancelled, the last epoch's checkpoint stays in the folder; or stopped, it is of this moment.
        MambaMedError: The loss became NaN or infinite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keep_small_convolutions_exact(module)
    clock = TrainingClock(
        options.epochs * max(1, len(train)), options.minutes, warm_up_iterations=options.warm_up_iterations
    )
    last = folder / _LAST
    resumed = resume and last.is_file()
    if isinstance(train.batch_sampler, NumberedBatches):
        done = torch.load(last, map_location="cpu", weights_only=True)["global_step"] if resumed else 0
        train.batch_sampler.next_number = int(done)
    best = ModelCheckpoint(
        folder,
        filename="best",
        monitor=_LOSS if validation is not None else None,
        save_top_k=1 if validation is not None else 0,
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [_Control(clock, options, reporter, last), best]
    if options.patience is not None and validation is not None:
        callbacks.append(EarlyStopping(_LOSS, patience=options.patience, check_finite=False))
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Few workers and short epochs are meant here.
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        trainer = lightning.Trainer(
            accelerator={"cuda": "gpu"}.get(options.device.type, options.device.type),
            **_processes(options.device, options.unused_parameters),
            gradient_clip_val=options.gradient_clip,
            max_epochs=options.epochs,
            precision="bf16-mixed" if options.precision == "bfloat16" else "32-true",
            logger=False,
            callbacks=callbacks,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=folder,
        )
        trainer.fit(module, train, validation, ckpt_path=str(last) if resumed else None, weights_only=True)
    best_path = Path(best.best_model_path) if best.best_model_path else None
    if options.keep_best and best_path is not None and best_path.is_file():
        module.load_state_dict(torch.load(best_path, map_location="cpu", weights_only=True)["state_dict"])
    return int(trainer.current_epoch)


def _processes(device: torch.device, unused_parameters: bool) -> dict[str, Any]:
    """Return the trainer's devices: this one, or one of each process that torchrun has started."""
    if world_size() == 1:
        return {"devices": [device.index or 0] if device.type == "cuda" else 1}
    here = int(os.environ.get("LOCAL_WORLD_SIZE", world_size()))
    strategy = "ddp_find_unused_parameters_true" if unused_parameters else "ddp"
    return {"devices": here, "num_nodes": world_size() // here, "strategy": strategy, "use_distributed_sampler": False}


class _Control(Callback):
    """Sets the learning rate, reports, keeps the last checkpoint, cancels, and stops at a wish or the time limit."""

    def __init__(self, clock: TrainingClock, options: FitOptions, reporter: Reporter, last: Path) -> None:
        self._last = last
        self._clock = clock
        self._options = options
        self._reporter = reporter
        self._best = math.inf
        self._since_best = 0
        self._rate = options.learning_rate

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._clock.start(trainer.global_step)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._reporter.check_cancelled()
        rate = self._rate
        if self._options.scheduler == "polynomial":
            (progress,) = largest_of_ranks((self._clock.progress,), pl_module.device)
            rate = self._clock.learning_rate(self._options.learning_rate, progress)
        elif self._options.scheduler == "steps":
            rate = self._clock.stepped_rate(
                self._options.learning_rate, [epoch / self._options.epochs for epoch in self._options.milestones]
            )
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        self._clock.done += 1
        # All processes do the same after each batch.
        broken, wanted, over = any_rank(
            (not bool(torch.isfinite(loss)), stop_requested(self._reporter), self._clock.is_over), pl_module.device
        )
        if broken:
            raise MambaMedError("The training loss became NaN or infinite; train again with a lower learning rate.")
        self._reporter.progress(f"{self._options.stage}, epoch {trainer.current_epoch + 1}", self._clock.progress)
        if over:
            trainer.should_stop = True
        elif wanted:
            self._keep(trainer)
            raise JobCancelledError(
                f"The training was stopped in epoch {trainer.current_epoch + 1} after batch {batch_idx + 1}; it can go "
                "on from there."
            )

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._keep(trainer)

    def _keep(self, trainer: lightning.Trainer) -> None:
        """Write the last checkpoint, whole or not at all."""
        unfinished = self._last.with_name(f"{self._last.name}.part")
        trainer.save_checkpoint(unfinished)
        if rank() == 0:
            os.replace(unfinished, self._last)

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        loss = float(trainer.callback_metrics.get(_LOSS, math.nan))
        self._reporter.metric(f"{self._options.stage}: validation loss", loss, trainer.current_epoch)
        for name, value in trainer.callback_metrics.items():
            if name != _LOSS:
                words = name.replace("_", " ")
                self._reporter.metric(f"{self._options.stage}: {words}", float(value), trainer.current_epoch)
        if loss < self._best:
            self._best, self._since_best = loss, 0
        else:
            self._since_best += 1
            if self._since_best % 5 == 0 and self._options.scheduler == "plateau":
                self._rate *= 0.1
