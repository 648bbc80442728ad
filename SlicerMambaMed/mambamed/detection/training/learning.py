"""Fit a detector to tiles with lightning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mambamed.detection.networks.detector import Detector
from mambamed.detection.networks.detector import build_detector
from mambamed.detection.training.criterion import DetectionCriterion
from mambamed.detection.training.criterion import ImageObjects
from mambamed.detection.training.data import DetectionData
from mambamed.detection.training.settings import DetectionTrainingSettings
from mambamed.detection.training.tiles import Batch
from mambamed.detection.training.tiles import TileSet
from mambamed.detection.training.tiles import collate
from mambamed.jobs.reporter import Reporter
from mambamed.nn.device import choose_device
from mambamed.training.fitting import FitOptions
from mambamed.training.fitting import fit
from mambamed.training.numbered_batches import NumberedBatches
from mambamed.training.process_group import device_of_rank
from mambamed.training.process_group import own_samples
from mambamed.training.seeds import seed_everything

__all__ = ["fit_detector", "tiles_of"]

_SMOOTHING = 0.95  # of the losses that are reported
_REPORT_EVERY = 20
_WARN_FROM = 100
_WARN_BELOW = 0.5
_LAYOUT = torch.channels_last  # the faster one for convolutions, on CPUs too


class _Learner(lightning.LightningModule):
    def __init__(self, network: Detector, settings: DetectionTrainingSettings, reporter: Reporter) -> None:
        super().__init__()
        self.network = network
        self._criterion = DetectionCriterion(settings.method_settings)
        self._settings = settings
        self._reporter = reporter
        self._shown: dict[str, float] = {}
        self._warned = False

    def training_step(self, batch: Batch, _: int) -> Tensor:
        images, objects = batch
        loss = self._criterion(self.network(images), objects)
        losses = {"class loss": float(loss.classes), "box loss": float(loss.boxes)}
        self._report({**losses, "objects learned": loss.learned / loss.objects} if loss.objects else losses)
        return loss.total

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, _: int) -> Batch:
        images, objects = batch
        moved: list[ImageObjects] = [item.to(device) for item in objects]
        return images.to(device, memory_format=_LAYOUT), moved

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self._settings
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if settings.optimizer == "adamw":
            return torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        return torch.optim.SGD(
            trained, lr=settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
        )

    def _report(self, losses: dict[str, float]) -> None:
        step = int(self.global_step)
        for name, value in losses.items():
            self._shown[name] = _SMOOTHING * self._shown.get(name, value) + (1 - _SMOOTHING) * value
            if step % _REPORT_EVERY == 0:
                self._reporter.metric(name, self._shown[name], step)
        if step >= _WARN_FROM and not self._warned and self._shown.get("objects learned", 1.0) < _WARN_BELOW:
            self._warned = True
            self._reporter.warning(
                f"Only {100 * self._shown['objects learned']:.0f} % of the objects have priors that learn them. Where "
                "DCFL's priors have run away from their cells, bound them (--largest-offset 4) or lower the learning "
                "rate; where objects are small for the cells, take --finest-stride 4 or a larger --g."
            )


def fit_detector(
    tiles: TileSet,
    class_count: int,
    settings: DetectionTrainingSettings,
    folder: Path,
    reporter: Reporter,
    *,
    resume: bool = False,
    stage: str = "training",
) -> Detector:
    """Train a detector.

    Args:
        tiles: training samples.
        class_count: kinds of object.
        settings: network, method and schedule.
        folder: of the checkpoints.
        reporter: hears progress and losses, may cancel or stop.
        resume: go on from the last checkpoint.
        stage: what progress calls this training.

    Returns:
        The trained network, on the CPU, in evaluation.

    Raises:
        JobCancelledError: cancelled or stopped; the checkpoint stays.
        MambaMedError: the loss became NaN or infinite.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    seed_everything(settings.seed)
    network = build_detector(settings.network(class_count))
    if settings.norm == "batch" and not settings.imagenet_weights and len(own_samples(settings.batch_size)) == 1:
        reporter.warning(
            "Each step normalises by a single tile (batch norm), prediction by the means over all of them: what was "
            "learned may not hold there. Take larger batches, or --norm group."
        )
    if settings.first_weights == "kept-variance":
        network.head.keep_variance()
    batches: DataLoader[Any] = DataLoader(
        tiles,
        batch_sampler=NumberedBatches(len(tiles), settings.batch_size, settings.seed),
        collate_fn=collate,
        num_workers=settings.loader_processes,
        persistent_workers=settings.loader_processes > 0,
    )
    options = FitOptions(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        scheduler=settings.scheduler,
        minutes=settings.time_limit_minutes,
        device=device_of_rank(choose_device(settings.device)),
        precision=settings.precision,
        stage=stage,
        milestones=settings.milestones,
        warm_up_iterations=settings.warm_up_iterations,
        gradient_clip=settings.gradient_clip,
    )
    network.to(memory_format=_LAYOUT)  # type: ignore[call-overload]
    learner = _Learner(network, settings, reporter)
    fit(learner, batches, None, options, reporter, folder, resume)
    return learner.network.cpu().eval()


def tiles_of(data: DetectionData, settings: DetectionTrainingSettings) -> TileSet:
    """Return the training samples."""
    return TileSet(
        data.train,
        data.classes,
        tile_px=settings.tile_px,
        overlap_px=settings.overlap_px,
        flips=settings.flips,
        seed=settings.seed,
    )
