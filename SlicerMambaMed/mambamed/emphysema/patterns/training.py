"""Train the pattern network on labelled patches and cross-validate it beside the baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import TensorDataset

from mambamed.emphysema.patterns.baselines import histogram_neighbours
from mambamed.emphysema.patterns.baselines import laa950_threshold
from mambamed.emphysema.patterns.classify import mean_probabilities
from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.emphysema.patterns.dataset import FOLDS
from mambamed.emphysema.patterns.dataset import LabelledPatches
from mambamed.emphysema.patterns.dataset import folds
from mambamed.emphysema.patterns.network import PatternNetwork
from mambamed.emphysema.patterns.training_settings import PatternTrainingSettings
from mambamed.jobs.reporter import Reporter
from mambamed.nn.device import choose_device
from mambamed.training.fitting import FitOptions
from mambamed.training.fitting import fit

__all__ = ["cross_validate", "train_networks"]

_NORMAL = PATTERN_CODES.index("NT")


class _PatternLearner(lightning.LightningModule):
    """Cross-entropy on turned, mirrored, slightly shifted and noisy patches."""

    def __init__(self, settings: PatternTrainingSettings, seed: int) -> None:
        super().__init__()
        self.network = PatternNetwork(len(PATTERN_CODES))
        self._settings = settings
        self._random = torch.Generator().manual_seed(seed)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        patches, targets = batch
        loss: Tensor = nn.functional.cross_entropy(
            self.network(self._augmented(patches)), targets, label_smoothing=self._settings.label_smoothing
        )
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.network.parameters(), lr=self._settings.learning_rate, weight_decay=self._settings.weight_decay
        )

    def _augmented(self, patches: Tensor) -> Tensor:
        """Turn each half of the batch alike, mirror at random; shift HU; cut borders; add noise."""
        count = len(patches)
        parts = []
        for part in patches.chunk(4):
            turned = torch.rot90(part, int(torch.randint(4, (1,), generator=self._random)), (1, 2))
            parts.append(turned.flip(1) if torch.rand(1, generator=self._random) < 0.5 else turned)
        patches = torch.cat(parts)
        shift = torch.randn((count, 1, 1), generator=self._random).to(patches) * self._settings.shift_hu
        noise = torch.randn(patches.shape, generator=self._random).to(patches)
        level = torch.rand((count, 1, 1), generator=self._random).to(patches) * self._settings.noise_hu
        top, left = (int(value) for value in torch.randint(4, (2,), generator=self._random))
        return (patches + shift + level * noise)[:, top : top + 28, left : left + 28]


def train_networks(
    data: LabelledPatches, settings: PatternTrainingSettings, reporter: Reporter, folder: Path, name: str = "networks"
) -> list[PatternNetwork]:
    """Train ``settings.networks`` networks from different seeds on all the given patches."""
    trained = []
    for member in range(settings.networks):
        seed = settings.seed + 1000 * member
        lightning.seed_everything(seed, verbose=False)
        learner = _PatternLearner(settings, seed)
        set_ = TensorDataset(torch.from_numpy(data.patches_hu), torch.from_numpy(data.targets))
        loader: DataLoader[Any] = DataLoader(
            set_, settings.batch_size, shuffle=True, drop_last=True, generator=torch.Generator().manual_seed(seed)
        )
        options = FitOptions(
            settings.epochs,
            settings.learning_rate,
            minutes=settings.time_limit_minutes,
            device=choose_device(settings.device),
            stage=f"{name}, network {member + 1} of {settings.networks}",
        )
        fit(learner, loader, None, options, reporter, folder / f"{name}-{member}")
        trained.append(learner.network.cpu().eval())
    return trained


def cross_validate(
    data: LabelledPatches, split: str, settings: PatternTrainingSettings, reporter: Reporter, folder: Path
) -> dict[str, Any]:
    """Return measures of network and baselines over five folds, each predicted by networks that never saw it."""
    fold = folds(data, split, settings.seed)
    predicted = {name: np.empty_like(data.targets) for name in ("network", "laa950_threshold", "histogram_neighbours")}
    for index in range(FOLDS):
        test = fold == index
        known = LabelledPatches(data.patches_hu[~test], data.targets[~test])
        networks = train_networks(known, settings, reporter, folder, f"{split} fold {index + 1}")
        found = mean_probabilities(networks, torch.from_numpy(data.patches_hu[test]))
        predicted["network"][test] = found.argmax(dim=1).numpy()
        for baseline in (laa950_threshold, histogram_neighbours):
            predicted[baseline.__name__][test] = baseline(known.patches_hu, known.targets, data.patches_hu[test])
        reporter.log(f"{split} fold {index + 1}: {np.mean(predicted['network'][test] == data.targets[test]):.3f}")
    return {
        "split": split,
        "folds": FOLDS,
        "patches": len(data.targets),
        **{name: _measures(data.targets, found, fold) for name, found in predicted.items()},
    }


def _measures(targets: np.ndarray, found: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
    six = found == targets
    two = (found == _NORMAL) == (targets == _NORMAL)
    confusion = np.zeros((len(PATTERN_CODES),) * 2, dtype=int)
    np.add.at(confusion, (targets, found), 1)
    per_fold = {
        name: [float(right[fold == index].mean()) for index in range(FOLDS)]
        for name, right in (("accuracy", six), ("normal_or_emphysema_accuracy", two))
    }
    return {
        **{name: float(np.average(values, weights=np.bincount(fold))) for name, values in per_fold.items()},
        **{f"{name}_sd": float(np.std(values, ddof=1)) for name, values in per_fold.items()},
        "per_fold": per_fold,
        "confusion": confusion.tolist(),
    }
