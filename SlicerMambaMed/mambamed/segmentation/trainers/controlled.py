"""nnU-Net's training loop with progress, cancel at safe points, a check for NaN, and bfloat16 on CPUs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.nn.instance_norm import keep_channels_last
from mambamed.segmentation.trainers.control import TrainingControl
from mambamed.training.schedule import TrainingClock

__all__ = ["ControlledTrainer", "optimizer_for"]

_GRADIENT_NORM_LIMIT = 12.0
_WARM_UP_ITERATIONS = 20


def optimizer_for(parameters: Iterable[torch.nn.Parameter], control: TrainingControl) -> torch.optim.Optimizer:
    """Return the optimiser that a control names."""
    if control.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            control.learning_rate,
            momentum=control.momentum,
            weight_decay=control.weight_decay,
            nesterov=control.momentum > 0,
        )
    kind = torch.optim.AdamW if control.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, control.learning_rate, weight_decay=control.weight_decay)


class ControlledTrainer(nnUNetTrainer):
    """``nnUNetTrainer`` that obeys a ``TrainingControl``; without one it trains as nnU-Net does.

    Life: construct as nnunetv2 does, ``take_control``, optionally ``load_checkpoint``, ``run_training``.
    A checkpoint is written after every epoch (``checkpoint_latest.pth``), so a cancelled or failed run can go on.
    """

    network: Any
    control: TrainingControl = TrainingControl()
    full_precision = False
    """Whether the trainer always computes in float32 (the NoAMP variants)."""
    supervises_deeply = True
    """Whether the network gives logits at every resolution of its decoder."""

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
        np.random.seed(control.seed)
        torch.manual_seed(control.seed)

    def initialize(self) -> None:
        """Build network, optimiser and loss; on a CPU lay the network out channels-last."""
        super().initialize()
        if self.device.type == "cpu" and len(self.configuration_manager.patch_size) == 3:
            keep_channels_last(self.network).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def _do_i_compile(self) -> bool:
        """Never compile: it needs a C compiler, and the scan would break the graph."""
        return False

    def configure_optimizers(self) -> tuple[Any, Any]:
        """Build the optimiser that the control names; the schedule is nnU-Net's, followed per iteration."""
        from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

        optimizer = optimizer_for(self.network.parameters(), self.control)
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Choose between the logits of all resolutions and those of the highest, where the network has them."""
        if self.supervises_deeply:
            super().set_deep_supervision_enabled(enabled)

    def print_to_log_file(self, *args: Any, also_print_to_console: bool = True, add_timestamp: bool = True) -> None:
        """Write to nnU-Net's log file; the console belongs to the reporter."""
        super().print_to_log_file(*args, also_print_to_console=False, add_timestamp=add_timestamp)

    def plot_network_architecture(self) -> None:
        """Draw nothing: the drawing needs a package that nnU-Net does not install."""

    @property
    def computes_in_bfloat16(self) -> bool:
        """Whether convolutions on the CPU run in bfloat16."""
        if self.device.type != "cpu" or self.full_precision or self.control.precision == "float32":
            return False
        return self.control.precision == "bfloat16" or bool(torch.cpu._is_avx512_bf16_supported())

    def run_training(self) -> None:
        """Train to the end of the schedule.

        Raises:
            JobCancelledError: The user cancelled; ``checkpoint_latest.pth`` holds the state at that point.
            MambaMedError: The loss became NaN or infinite; the checkpoint of the last good epoch stays.
        """
        self.on_train_start()
        clock = TrainingClock(
            self.num_epochs * self.num_iterations_per_epoch, self.control.time_limit_minutes, _WARM_UP_ITERATIONS
        )
        clock.start(self.current_epoch * self.num_iterations_per_epoch)
        try:
            while self.current_epoch < self.num_epochs and not clock.is_over:
                self._run_epoch(clock)
        except JobCancelledError:
            if self.current_epoch > 0 or clock.done > 0:
                self.current_epoch -= 1  # save_checkpoint counts the epoch as finished; this one is to be repeated
                self.save_checkpoint(os.path.join(self.output_folder, "checkpoint_latest.pth"))
                self.current_epoch += 1
            self._stop_loaders()
            raise
        except BaseException:
            self._stop_loaders()
            raise
        self.on_train_end()

    def _run_epoch(self, clock: TrainingClock) -> None:
        self.on_epoch_start()
        self.on_train_epoch_start()
        train_outputs = []
        for iteration in range(self.num_iterations_per_epoch):
            self.control.reporter.check_cancelled()
            for group in self.optimizer.param_groups:
                group["lr"] = clock.learning_rate(self.initial_lr)
            output = self.train_step(next(self.dataloader_train))
            if not math.isfinite(float(output["loss"])):
                raise MambaMedError(self._not_finite_message(iteration))
            train_outputs.append(output)
            clock.done += 1
            self.control.reporter.progress(f"epoch {self.current_epoch + 1}", clock.progress)
            if clock.is_over:
                break
        self.on_train_epoch_end(train_outputs)
        with torch.no_grad():
            self.on_validation_epoch_start()
            outputs = [
                self.validation_step(next(self.dataloader_val)) for _ in range(self.num_val_iterations_per_epoch)
            ]
            self.on_validation_epoch_end(outputs)
        self._report_epoch(clock)
        self.on_epoch_end()

    def _not_finite_message(self, iteration: int) -> str:
        kept = self.current_epoch
        saved = (
            f"The state after epoch {kept} is in checkpoint_latest.pth of {self.output_folder}; go on from there with"
            if kept > 0
            else "No epoch was finished, so nothing was saved; start again with"
        )
        return (
            f"The loss became NaN or infinite in epoch {self.current_epoch + 1}, iteration {iteration + 1}; a finite "
            f"loss was expected. {saved} a smaller learning rate or with precision float32."
        )

    def _report_epoch(self, clock: TrainingClock) -> None:
        epoch = self.current_epoch
        values = {
            "training loss": self.logger.get_value("train_losses", step=-1),
            "validation loss": self.logger.get_value("val_losses", step=-1),
            "learning rate": self.optimizer.param_groups[0]["lr"],
            "validation Dice": self.logger.get_value("mean_fg_dice", step=-1),
        }
        for name, value in values.items():
            self.control.reporter.metric(name, float(value), epoch + 1)
        left = clock.seconds_left
        per_class = [round(float(d), 3) for d in self.logger.get_value("dice_per_class_or_region", step=-1)]
        self.control.reporter.log(
            f"epoch {epoch + 1} of {self.num_epochs}, iteration {clock.done}: "
            + ", ".join(f"{name} {float(value):.4g}" for name, value in values.items())
            + f" (per class {per_class})"
            + (f", about {left / 60:.0f} min left" if left is not None else "")
        )

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint whole or not at all: a training may be killed at any time."""
        unfinished = f"{filename}.part"
        super().save_checkpoint(unfinished)
        if os.path.exists(unfinished):
            os.replace(unfinished, filename)

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One step of optimisation; nnU-Net's own, except for bfloat16 on CPUs and float32 on GPUs where asked."""
        if self.device.type == "cuda" and not self.full_precision and self.control.precision != "float32":
            result: dict[str, Any] = super().train_step(batch)
            return result
        image = self._laid_out(batch["data"])
        target = self._targets(batch["target"])
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            output = self.network(image)
        loss = self.loss([o.float() for o in output] if isinstance(output, list | tuple) else output.float(), target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_NORM_LIMIT)
        self.optimizer.step()
        return {"loss": loss.detach().cpu().numpy()}

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """nnU-Net's validation step, in the precision of the training."""
        with self._autocast():
            result: dict[str, Any] = super().validation_step(batch)
        return result

    def _autocast(self) -> torch.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.computes_in_bfloat16)

    def _laid_out(self, image: torch.Tensor) -> torch.Tensor:
        image = image.to(self.device, non_blocking=True)
        if self.device.type == "cpu" and image.ndim == 5:
            image = image.contiguous(memory_format=torch.channels_last_3d)
        return image

    def _targets(self, target: Any) -> Any:
        if isinstance(target, list):
            return [t.to(self.device, non_blocking=True) for t in target]
        return target.to(self.device, non_blocking=True)

    def _stop_loaders(self) -> None:
        for loader in (self.dataloader_train, self.dataloader_val):
            finish = getattr(loader, "_finish", None)
            if finish is not None:
                finish()
