"""Fit a severity network to prepared scans with lightning, and predict with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset

from mambamed.emphysema.severity.augmentation import Augmentation
from mambamed.emphysema.severity.cases import PreparedCase
from mambamed.emphysema.severity.network import SeverityNetwork
from mambamed.emphysema.severity.refining import refine_heads
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.emphysema.severity.unlike import describe_lungs
from mambamed.jobs.reporter import Reporter
from mambamed.nn.device import choose_device
from mambamed.training.fitting import FitOptions
from mambamed.training.fitting import fit

__all__ = ["fit_network", "predict"]


class _Scans(Dataset[tuple[Tensor, Tensor, int]]):
    """Prepared scans as tensors (1, z, y, x), changed at random when there is an augmentation."""

    def __init__(self, cases: Sequence[PreparedCase], augmentation: Augmentation | None) -> None:
        self._cases = cases
        self._augmentation = augmentation

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        prepared = self._cases[index]
        values = torch.from_numpy(prepared.lungs.values.astype(np.float32))[None]
        mask = torch.from_numpy(prepared.lungs.mask)[None].float()
        if self._augmentation is None:
            return values, mask, prepared.case.target
        return self._augmentation(values, mask, prepared.case.target)


class _Learner(lightning.LightningModule):
    def __init__(self, network: SeverityNetwork, settings: SeverityTrainingSettings) -> None:
        super().__init__()
        self.network = network
        self._settings = settings

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        return self.network.loss(*batch, self._settings.even_attention)

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> None:
        self.log("validation_loss", self.network.loss(*batch), on_epoch=True, batch_size=len(batch[2]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self._settings
        return torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )


def fit_network(
    train: Sequence[PreparedCase],
    validation: Sequence[PreparedCase],
    settings: SeverityTrainingSettings,
    reporter: Reporter,
    folder: Path,
    stage: str,
    resume: bool = False,
) -> SeverityNetwork:
    """Train a network; with a validation part the weights of its lowest loss are kept.

    Raises:
        JobCancelledError: Cancelled; checkpoints stay in ``folder``.
        MambaMedError: The loss became NaN.
    """
    lightning.seed_everything(settings.seed, verbose=False)
    learner = _Learner(SeverityNetwork(settings.configuration), settings)
    random = torch.Generator().manual_seed(settings.seed)
    size = min(settings.batch_size, len(train))
    batches: DataLoader[Any] = DataLoader(
        _Scans(train, Augmentation(settings, settings.seed)), size, shuffle=True, drop_last=True, generator=random
    )
    checks: DataLoader[Any] | None = DataLoader(_Scans(validation, None), size) if len(validation) else None
    options = FitOptions(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        scheduler=settings.scheduler,
        patience=settings.patience,
        minutes=settings.time_limit_minutes,
        device=choose_device(settings.device),
        keep_best=True,
        precision=settings.precision,
        stage=stage,
    )
    fit(learner, batches, checks, options, reporter, folder, resume)
    network = learner.network.cpu().eval()
    if settings.head_epochs:
        refine_heads(network, train, validation, settings, reporter, stage)
    return network


@torch.no_grad()
def predict(
    network: SeverityNetwork, cases: Sequence[PreparedCase], reporter: Reporter
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (N, C) and the vectors (N, D) that tell how alike scans are (see ``unlike``)."""
    probabilities, vectors = [], []
    window = network.configuration.window_hu
    for prepared in cases:
        reporter.check_cancelled()
        values = torch.from_numpy(prepared.lungs.values.astype(np.float32))[None, None]
        mask = torch.from_numpy(prepared.lungs.mask)[None, None].float()
        pooled, _ = network.pooled(values, mask)
        probabilities.append(network.probabilities_of(*network.heads(pooled))[0].numpy())
        vectors.append(np.concatenate([describe_lungs(prepared.lungs, window), pooled[0].numpy()]))
    return np.array(probabilities), np.array(vectors)
