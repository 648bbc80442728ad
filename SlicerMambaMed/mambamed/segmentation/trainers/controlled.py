"""nnU-Net's training loop with progress, stop and resume at any iteration, and a check for NaN."""

from __future__ import annotations

import math
import os
import time
from typing import Any

import numpy as np
import torch

from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import stop_requested
from mambamed.models.checkpoint import read_checkpoint
from mambamed.segmentation.trainers.computation import ComputingTrainer
from mambamed.segmentation.trainers.control import TrainingControl
from mambamed.training.checkpoint_file import write_checkpoint
from mambamed.training.memory import peak_memory_gb
from mambamed.training.process_group import any_rank
from mambamed.training.process_group import rank
from mambamed.training.schedule import TrainingClock
from mambamed.training.seeds import derived_seed
from mambamed.training.seeds import seed_everything

__all__ = ["LATEST_CHECKPOINT", "ControlledTrainer"]

LATEST_CHECKPOINT = "checkpoint_latest.pth"
_WARM_UP_ITERATIONS = 20
_PLOT_INTERVAL_S = 120.0
_NETWORK_STREAM = 2
"""Random draws inside the network (dropout), beside those for training (0) and validation (1) batches."""


class ControlledTrainer(ComputingTrainer):
    """A trainer that obeys a ``TrainingControl``; without one it trains as nnU-Net does.

    Life: construct as nnunetv2 does, ``take_control``, optionally ``load_checkpoint``, ``run_training``.

    A checkpoint (``checkpoint_latest.pth``) is written after every epoch, and in the middle of one when the training is
    stopped. Every random draw depends on the number of its batch alone, so a training that was stopped and resumed
    takes the same steps as one that was not.
    """

    _first_iteration = 0
    _plotted_at = 0.0

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int, dataset_json: dict[str, Any], device: torch.device
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self._losses: list[float] = []
        self._plot = self.logger.plot_progress_png
        self.logger.plot_progress_png = self._plot_now_and_then

    def take_control(self, control: TrainingControl) -> None:
        """Set length, optimiser, precision and listener; call before ``initialize``."""
        self.control = control
        self.initial_lr = control.learning_rate
        self.weight_decay = control.weight_decay
        self.enable_deep_supervision = self.supervises_deeply
        self.num_epochs = control.epochs
        self.num_iterations_per_epoch = control.iterations
        self.num_val_iterations_per_epoch = control.validation_iterations
        self.save_every = 1
        os.environ["nnUNet_n_proc_DA"] = str(control.loader_processes)  # noqa: SIM112 (nnU-Net's name)
        seed_everything(control.seed)

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Return the loaders, beginning where the training stands."""
        return self.numbered_dataloaders(
            self.current_epoch * self.num_iterations_per_epoch + self._first_iteration,
            self.current_epoch * self.num_val_iterations_per_epoch,
        )

    def run_training(self) -> None:
        """Train to the end of the schedule.

        Raises:
            JobCancelledError: The user cancelled or stopped; ``checkpoint_latest.pth`` holds the state at that point.
            MambaMedError: The loss became NaN or infinite; the checkpoint of the last good epoch stays.
        """
        self.on_train_start()
        clock = TrainingClock(
            self.num_epochs * self.num_iterations_per_epoch, self.control.time_limit_minutes, _WARM_UP_ITERATIONS
        )
        clock.start(self.current_epoch * self.num_iterations_per_epoch + self._first_iteration)
        try:
            while self.current_epoch < self.num_epochs and not self._is_over(clock):
                self._run_epoch(clock)
        except BaseException:
            self.stop_loaders()
            raise
        self.stop_loaders()
        if rank() == 0:
            self._plot(self.output_folder)
        self.on_train_end()

    def _run_epoch(self, clock: TrainingClock) -> None:
        self.on_epoch_start()
        self.on_train_epoch_start()
        for iteration in range(self._first_iteration, self.num_iterations_per_epoch):
            self._leave_if_asked(iteration)
            for group in self.optimizer.param_groups:
                group["lr"] = clock.learning_rate(self.initial_lr)
            torch.manual_seed(derived_seed(self.control.seed, _NETWORK_STREAM, clock.done, rank()))
            loss = float(self.train_step(next(self.dataloader_train))["loss"])
            if any_rank((not math.isfinite(loss),), self.device)[0]:
                raise MambaMedError(self._not_finite_message(iteration))
            self._losses.append(loss)
            clock.done += 1
            self.control.reporter.progress(f"epoch {self.current_epoch + 1}", clock.progress)
            if self._is_over(clock):
                break
        self.on_train_epoch_end([{"loss": np.float32(loss)} for loss in self._losses])
        with torch.no_grad():
            self.on_validation_epoch_start()
            outputs = [
                self.validation_step(next(self.dataloader_val)) for _ in range(self.num_val_iterations_per_epoch)
            ]
            self.on_validation_epoch_end(outputs)
        if not self._weights_are_finite():
            raise MambaMedError(self._not_finite_message(self.num_iterations_per_epoch - 1))
        self._first_iteration, self._losses = 0, []
        self.on_epoch_end()
        self._report_epoch(clock)

    def _is_over(self, clock: TrainingClock) -> bool:
        """Whether the schedule has ended; by time all processes end together."""
        return any_rank((clock.is_over,), self.device)[0] if self.control.time_limit_minutes else clock.is_over

    def _leave_if_asked(self, iteration: int) -> None:
        """Save and leave where the user has cancelled or stopped, in all processes at the same iteration."""
        wish: JobCancelledError | None = None
        try:
            self.control.reporter.check_cancelled()
        except JobCancelledError as error:
            wish = error
        if wish is None and stop_requested(self.control.reporter):
            wish = JobCancelledError(
                f"The training was stopped in epoch {self.current_epoch + 1} after iteration {iteration}; it can go on "
                "from there."
            )
        if not any_rank((wish is not None,), self.device)[0]:
            return
        if iteration > 0 and self._weights_are_finite():
            self._first_iteration = iteration
            self.current_epoch -= 1  # a checkpoint counts its epoch as finished; this one goes on
            self.save_checkpoint(os.path.join(self.output_folder, LATEST_CHECKPOINT))
            self.current_epoch += 1
        raise wish or JobCancelledError("The training was stopped by another of its processes.")

    def _weights_are_finite(self) -> bool:
        return all(bool(parameter.isfinite().all()) for parameter in self.network.parameters())

    def _not_finite_message(self, iteration: int) -> str:
        kept = self.current_epoch
        saved = (
            f"The state after epoch {kept} is in {LATEST_CHECKPOINT} of {self.output_folder}; go on from there with"
            if kept > 0
            else "No epoch was finished, so nothing was saved; start again with"
        )
        return (
            f"The loss became NaN or infinite in epoch {self.current_epoch + 1}, iteration {iteration + 1}; a finite "
            f"loss was expected. {saved} a smaller learning rate or with precision float32."
        )

    def _report_epoch(self, clock: TrainingClock) -> None:
        epoch = self.current_epoch
        left = clock.seconds_left
        values = {
            "training loss": self.logger.get_value("train_losses", step=-1),
            "validation loss": self.logger.get_value("val_losses", step=-1),
            "learning rate": self.optimizer.param_groups[0]["lr"],
            "validation Dice": self.logger.get_value("mean_fg_dice", step=-1),
            "seconds left": left,
            "memory (GB)": peak_memory_gb(self.device),
        }
        for name, value in values.items():
            if value is not None:
                self.control.reporter.metric(name, float(value), epoch)
        per_class = [round(float(d), 3) for d in self.logger.get_value("dice_per_class_or_region", step=-1)]
        self.control.reporter.log(
            f"epoch {epoch} of {self.num_epochs}, iteration {clock.done}: "
            + ", ".join(f"{name} {float(value):.4g}" for name, value in values.items() if value is not None)
            + f" (per class {per_class})"
        )

    def _plot_now_and_then(self, folder: str) -> None:
        """Draw nnU-Net's picture of the curves, which takes seconds, not after every short epoch."""
        if time.monotonic() - self._plotted_at > _PLOT_INTERVAL_S:
            self._plot(folder)
            self._plotted_at = time.monotonic()

    def print_to_log_file(self, *args: Any, also_print_to_console: bool = True, add_timestamp: bool = True) -> None:
        """Write to nnU-Net's log file; the console belongs to the reporter."""
        super().print_to_log_file(*args, also_print_to_console=False, add_timestamp=add_timestamp)

    # --- checkpoints ---
    def save_checkpoint(self, filename: str) -> None:
        """Write nnU-Net's checkpoint, whole or not at all; in the middle of an epoch with how far that has come."""
        if rank() != 0 or self.disable_checkpointing:
            return
        network = self.network.module if self.is_ddp else self.network
        content: dict[str, Any] = {
            "network_weights": network.state_dict(),
            "optimizer_state": self.optimizer.state_dict(),
            "grad_scaler_state": self.grad_scaler.state_dict() if self.grad_scaler is not None else None,
            "logging": self.logger.get_checkpoint(),
            "_best_ema": self._best_ema,
            "current_epoch": self.current_epoch + 1,
            "init_args": self.my_init_kwargs,
            "trainer_name": type(self).__name__,
            "inference_allowed_mirroring_axes": self.inference_allowed_mirroring_axes,
        }
        if self._first_iteration > 0:
            content["unfinished_epoch"] = {"iterations": self._first_iteration, "training_losses": list(self._losses)}
        write_checkpoint(content, filename)

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """Go back to a checkpoint, also into the middle of an epoch; nothing in the file is executed."""
        content = filename_or_checkpoint
        if not isinstance(content, dict):
            content = read_checkpoint(content)
        if not self.was_initialized:
            self.initialize()
        network = self.network.module if self.is_ddp else self.network
        network.load_state_dict(content["network_weights"])
        self.optimizer.load_state_dict(content["optimizer_state"])
        if self.grad_scaler is not None and content["grad_scaler_state"] is not None:
            self.grad_scaler.load_state_dict(content["grad_scaler_state"])
        self.current_epoch = int(content["current_epoch"])
        self.logger.load_checkpoint(content["logging"])
        self._best_ema = content["_best_ema"]
        self.inference_allowed_mirroring_axes = content["inference_allowed_mirroring_axes"]
        unfinished = content.get("unfinished_epoch") or {}
        self._first_iteration = int(unfinished.get("iterations", 0))
        self._losses = [float(loss) for loss in unfinished.get("training_losses", [])]
