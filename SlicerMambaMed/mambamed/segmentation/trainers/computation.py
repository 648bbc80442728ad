"""How an nnU-Net trainer computes here: device and processes, number format, numbered batches, one optimiser step."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch.nn.parallel import DistributedDataParallel

from mambamed.nn.instance_norm import keep_channels_last
from mambamed.nn.small_convolutions import keep_small_convolutions_exact
from mambamed.segmentation.trainers.batches import NumberedBatches
from mambamed.segmentation.trainers.batches import in_processes
from mambamed.segmentation.trainers.control import TrainingControl
from mambamed.training.process_group import device_of_rank
from mambamed.training.process_group import own_samples
from mambamed.training.process_group import world_size

__all__ = ["ComputingTrainer", "optimizer_for"]

_GRADIENT_NORM_LIMIT = 12.0
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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


class ComputingTrainer(nnUNetTrainer):
    """``nnUNetTrainer`` for any device, alone or with other processes (nnU-Net's DDP, also on CPUs and many nodes)."""

    network: Any
    is_ddp: bool
    control: TrainingControl = TrainingControl()
    full_precision = False
    """Whether the trainer always computes in float32 (the NoAMP variants)."""
    supervises_deeply = True
    """Whether the network gives logits at every resolution of its decoder."""

    def __init__(
        self, plans: dict[str, Any], configuration: str, fold: int, dataset_json: dict[str, Any], device: torch.device
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        # nnU-Net takes cuda:0, and with several processes the card with the number of the process among all nodes.
        self.device = device_of_rank(device)
        if self.device.type != "cuda":
            self.grad_scaler = None
        elif self.device.index is not None:
            torch.cuda.set_device(self.device)

    def initialize(self) -> None:
        """Build network, optimiser and loss; share the network with the other processes; on a CPU channels-last."""
        together, self.is_ddp = self.is_ddp, False  # nnU-Net would wrap the network for CUDA
        super().initialize()
        keep_small_convolutions_exact(self.network)
        if self.device.type == "cpu" and len(self.configuration_manager.patch_size) == 3:
            keep_channels_last(self.network).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.is_ddp = together
        if together:
            own_device = [self.device.index] if self.device.type == "cuda" else None
            self.network = DistributedDataParallel(
                self.network, device_ids=own_device, find_unused_parameters=not self.supervises_deeply
            )
            self.loss = self._build_loss()

    def _set_batch_size_and_oversample(self) -> None:
        """Take this process's share of the planned batch; which samples show foreground is decided for all of it."""
        self.batch_size = len(own_samples(self.configuration_manager.batch_size))

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

    def plot_network_architecture(self) -> None:
        """Draw nothing: the drawing needs a package that nnU-Net does not install."""

    # --- batches ---
    def numbered_dataloaders(self, first_iteration: int, first_validation: int) -> tuple[Any, Any]:
        """Return nnU-Net's two loaders so that they begin with the batches of these numbers."""
        workers = os.environ.get("nnUNet_n_proc_DA", "0")  # noqa: SIM112 (nnU-Net's name)
        os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112 (nnU-Net's name)
        try:
            loaders = super().get_dataloaders()
        finally:
            os.environ["nnUNet_n_proc_DA"] = workers  # noqa: SIM112
        batch_size = int(self.configuration_manager.batch_size)
        processes = self.control.loader_processes
        numbered = []
        for stream, (loader, first) in enumerate(zip(loaders, (first_iteration, first_validation), strict=True)):
            share = processes if stream == 0 else min(processes, max(1, processes // 2))
            batches = NumberedBatches(
                loader.data_loader, self.control.seed, stream, first, own_samples(batch_size), batch_size, share
            )
            numbered.append(in_processes(batches, share, self.device.type == "cuda"))
        return numbered[0], numbered[1]

    def stop_loaders(self) -> None:
        """End the processes that prepare batches."""
        for loader in (self.dataloader_train, self.dataloader_val):
            finish = getattr(loader, "_finish", None)
            if finish is not None:
                finish()

    # --- numbers ---
    @property
    def number_format(self) -> torch.dtype:
        """Format of convolutions and linear layers; scan, norms' sums, logits and loss are in float32 in any case.

        ``auto`` is nnU-Net's float16 on CUDA, bfloat16 on CPUs with instructions for it, and float32 elsewhere.
        """
        precision = self.control.precision
        if self.full_precision or self.device.type == "mps":
            return torch.float32
        if precision != "auto":
            return _DTYPES[precision]
        if self.device.type == "cuda":
            return torch.float16
        return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32

    def _autocast(self) -> torch.autocast:
        dtype = self.number_format
        kind = self.device.type if self.device.type in ("cpu", "cuda") else "cpu"
        return torch.autocast(kind, dtype=dtype, enabled=dtype != torch.float32)

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One step of optimisation: nnU-Net's, with the loss in float32 and this process's share of the batch."""
        image = self._laid_out(batch["data"])
        target = self._targets(batch["target"])
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            output = self.network(image)
        loss = self.loss([o.float() for o in output] if isinstance(output, list | tuple) else output.float(), target)
        # Processes average their gradients; one that has more of the batch counts for more.
        scaled = loss * (len(image) * world_size() / self.configuration_manager.batch_size)
        scaler = self.grad_scaler if self.number_format == torch.float16 else None
        if scaler is None:
            scaled.backward()
        else:
            scaler.scale(scaled).backward()
            scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_NORM_LIMIT)
        if scaler is None:
            self.optimizer.step()
        else:
            scaler.step(self.optimizer)
            scaler.update()
        return {"loss": loss.detach().cpu().numpy()}

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """nnU-Net's validation step, in the precision of the training."""
        if self.device.type == "cuda":
            result: dict[str, Any] = super().validation_step(batch)
            return result
        with self._autocast():
            result = super().validation_step(batch)
        return result

    def _laid_out(self, image: torch.Tensor) -> torch.Tensor:
        image = image.to(self.device, non_blocking=True)
        if self.device.type == "cpu" and image.ndim == 5:
            image = image.contiguous(memory_format=torch.channels_last_3d)
        return image

    def _targets(self, target: Any) -> Any:
        if isinstance(target, list):
            return [t.to(self.device, non_blocking=True) for t in target]
        return target.to(self.device, non_blocking=True)
