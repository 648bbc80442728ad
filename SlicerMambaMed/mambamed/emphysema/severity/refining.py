"""Train attention and heads on, with the convolutions frozen: many cheap steps on features that are computed once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mambamed.emphysema.severity.augmentation import Augmentation
from mambamed.emphysema.severity.cases import PreparedCase
from mambamed.emphysema.severity.network import SeverityNetwork
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.jobs.reporter import Reporter
from mambamed.training.schedule import TrainingClock

__all__ = ["refine_heads"]

_BATCH = 32
_CELLS = 4096
"""Cells of a scan that one step looks at, drawn anew each time; the validation looks at all."""


def refine_heads(
    network: SeverityNetwork,
    train: Sequence[PreparedCase],
    validation: Sequence[PreparedCase],
    settings: SeverityTrainingSettings,
    reporter: Reporter,
    stage: str,
) -> float:
    """Train ``network``'s attention and heads in place for ``settings.head_epochs``.

    The weights of the lowest validation loss are kept (the given ones count).

    Args:
        network: Trained end to end before; its convolutions and their batch norms stay as they are.
        train: Training scans.
        validation: Validation scans; none keeps the last weights.
        settings: Epochs, learning rate, seed, changed copies of each scan.
        reporter: Hears progress and may cancel.
        stage: What progress calls this.

    Returns:
        The lowest validation loss (infinite without validation).
    """
    torch.manual_seed(settings.seed)
    network.eval()
    known, targets = _seen(network, train, settings, settings.seed, reporter)
    checks, check_targets = _seen(network, validation, settings, settings.seed + 1, reporter)
    parts = (network.score, network.scale, network.hidden, network.categorical, network.ordinal_score)
    parameters = [parameter for part in parts for parameter in part.parameters()]
    parameters += [network.first_threshold, network.threshold_steps]
    optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    batches = max(1, len(known) // _BATCH)
    clock = TrainingClock(settings.head_epochs * batches)
    clock.start()
    random = np.random.default_rng(settings.seed)
    best, kept = _loss_of(network, checks, check_targets, settings.even_attention), _copy(network)
    for epoch in range(settings.head_epochs):
        _set_training(parts, True)
        for chosen in np.array_split(random.permutation(len(known)), batches):
            reporter.check_cancelled()
            for group in optimizer.param_groups:
                group["lr"] = clock.learning_rate(settings.learning_rate)
            optimizer.zero_grad()
            shown = [_some_cells(known[index], random) for index in chosen]
            _loss(network, shown, targets[torch.from_numpy(chosen)], settings.even_attention).backward()
            optimizer.step()
            clock.done += 1
        _set_training(parts, False)
        reporter.progress(f"{stage}, attention and heads, epoch {epoch + 1}", clock.progress)
        loss = _loss_of(network, checks, check_targets, settings.even_attention)
        reporter.metric(f"{stage}, attention and heads: validation loss", loss, epoch)
        if loss < best or not checks:
            best, kept = loss, _copy(network)
    network.load_state_dict(kept)
    network.eval()
    return best


def _seen(
    network: SeverityNetwork,
    cases: Sequence[PreparedCase],
    settings: SeverityTrainingSettings,
    seed: int,
    reporter: Reporter,
) -> tuple[list[Tensor], Tensor]:
    """Return features and classes of every scan and of its ``settings.head_copies`` changed copies."""
    augmentation = Augmentation(settings, seed)
    features, targets = [], []
    for item in cases:
        values = torch.from_numpy(item.lungs.values.astype(np.float32))[None]
        mask = torch.from_numpy(item.lungs.mask)[None].float()
        for copy in range(1 + settings.head_copies):
            reporter.check_cancelled()
            shown, inside, target = (
                augmentation(values, mask, item.case.target) if copy else (values, mask, item.case.target)
            )
            features.append(_lung_features(network, shown, inside))
            targets.append(target)
    return features, torch.tensor(targets)


@torch.no_grad()
def _lung_features(network: SeverityNetwork, values: Tensor, mask: Tensor) -> Tensor:
    """Return the features (K, cells) of the cells in the lungs of one scan (1, z, y, x), float16."""
    features = network.features(values[None])
    return features[0][:, network.cells(mask[None], features)[0, 0]].half()


def _some_cells(features: Tensor, random: np.random.Generator) -> Tensor:
    """Return a random part of the cells of (K, cells)."""
    if features.shape[1] <= _CELLS:
        return features
    return features[:, torch.from_numpy(random.integers(features.shape[1], size=_CELLS))]


def _loss(network: SeverityNetwork, features: Sequence[Tensor], targets: Tensor, even_attention: float) -> Tensor:
    """Return the loss of scans whose cells' features (K, cells) are given."""
    pooled, uneven = [], []
    for item, target in zip(features, targets, strict=True):
        cells = item.float()[None, :, :, None, None]
        weights = torch.softmax(network.score(cells).flatten(), dim=0)
        pooled.append(cells[0, :, :, 0, 0] @ weights)
        if even_attention > 0.0 and int(target) == 0:
            uneven.append(network.unevenness(weights[None], target[None]))
    total = network.loss_of(*network.heads(torch.stack(pooled)), targets)
    return total + even_attention * torch.stack(uneven).mean() if uneven else total


@torch.no_grad()
def _loss_of(network: SeverityNetwork, features: Sequence[Tensor], targets: Tensor, even_attention: float) -> float:
    return float(_loss(network, features, targets, even_attention)) if features else float("inf")


def _copy(network: SeverityNetwork) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _set_training(parts: Sequence[torch.nn.Module], training: bool) -> None:
    for part in parts:
        part.train(training)
