"""The severity network: convolutions, spatial softmax attention over the lungs, categorical and ordinal heads."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

from mambamed.emphysema.severity.settings import SeverityConfiguration

__all__ = ["SeverityNetwork"]

_OUTSIDE = -1e4


class SeverityNetwork(nn.Module):
    """3D CNN with spatial attention, as in the paper: F = f(X), A = softmax(g(F)) over space, y = softmax(W (F A) + b).

    The attention is 0 outside the lungs and sums to 1. The weighted features are summed over space, so that the answer
    does not depend on where in the lungs something lies; how far the attention is drawn from healthy tissue to lesions
    tells their extent. Beside the softmax over classes stands an ordinal head of cumulative logits: one score and
    ordered thresholds, P(class >= k) = sigmoid(score - threshold_k).

    Args:
        configuration: Stages, pooling, widths, classes, head.
    """

    def __init__(self, configuration: SeverityConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        stages: list[nn.Module] = []
        before = 1
        for after, pool, width in zip(
            configuration.channels, configuration.pool, configuration.kernel_sizes, strict=True
        ):
            convolution = nn.Conv3d(before, after, width, padding=width // 2, bias=False)
            layers: list[nn.Module] = [convolution, nn.BatchNorm3d(after), nn.ReLU()]
            if pool:
                layers.append(nn.MaxPool3d(2))
            stages.append(nn.Sequential(*layers))
            before = after
        self.stages = nn.ModuleList(stages)
        self.score = nn.Sequential(
            nn.Conv3d(before, configuration.attention_channels, 1),
            nn.Tanh(),
            nn.Conv3d(configuration.attention_channels, 1, 1),
        )
        # Sums over the whole lungs differ little between scans; scaled to their spread they are learned from faster.
        self.scale = nn.BatchNorm1d(before)
        self.hidden = nn.Sequential(
            nn.Linear(before, configuration.hidden), nn.ReLU(), nn.Dropout(configuration.dropout)
        )
        classes = len(configuration.classes)
        self.categorical = nn.Linear(configuration.hidden, classes)
        self.ordinal_score = nn.Linear(configuration.hidden, 1)
        self.first_threshold = nn.Parameter(torch.tensor(-(classes - 2) / 2.0))
        self.threshold_steps = nn.Parameter(torch.zeros(classes - 2))

    def features(self, values: Tensor) -> Tensor:
        """Return feature maps (N, K, z', y', x') of the network's input (N, 1, z, y, x)."""
        maps = values
        for stage in self.stages:
            maps = stage(maps)
        return maps

    def attention(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return weights (N, 1, z', y', x') that sum to 1 over space and are 0 outside the lungs.

        Args:
            features: From ``features``.
            mask: Lungs (N, 1, z, y, x), 1 inside.
        """
        scores = self.score(features)
        scores = torch.where(self.cells(mask, features), scores, torch.full_like(scores, _OUTSIDE))
        return torch.softmax(scores.flatten(2), dim=2).view_as(scores)

    @staticmethod
    def cells(mask: Tensor, features: Tensor) -> Tensor:
        """Return which cells of the feature maps are lung, bool (N, 1, z', y', x'); arguments as of ``attention``."""
        inside = functional.interpolate(mask.to(features.dtype), size=features.shape[2:], mode="area")
        # A cell is lung if most of it is; in lungs thinner than that, the cells that have most of them count.
        return inside >= torch.minimum(torch.tensor(0.5).to(inside), inside.amax(dim=(2, 3, 4), keepdim=True))

    def pooled(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return attention-weighted features (N, K) and the attention."""
        # Convolutions may run in bfloat16; sums over the lungs and what follows stay in float32.
        features = self.features(values)
        with torch.autocast(values.device.type, enabled=False):
            features = features.float()
            attention = self.attention(features, mask)
            return (features * attention).sum(dim=(2, 3, 4)), attention

    def heads(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits (N, C) and cumulative logits (N, C - 1) of class >= 1, 2, ..."""
        with torch.autocast(pooled.device.type, enabled=False):
            hidden = self.hidden(self.scale(pooled.float()))
            steps = torch.cat([self.first_threshold[None], functional.softplus(self.threshold_steps + 0.55)])
            return self.categorical(hidden), self.ordinal_score(hidden) - torch.cumsum(steps, dim=0)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits (N, C) and cumulative logits (N, C - 1).

        Args:
            values: (N, 1, z, y, x), -1 to 1 in the lungs, 0 outside.
            mask: (N, 1, z, y, x), 1 in the lungs.
        """
        return self.heads(self.pooled(values, mask)[0])

    def loss(self, values: Tensor, mask: Tensor, targets: Tensor, even_attention: float = 0.0) -> Tensor:
        """Return the cross-entropy, plus that of the cumulative answers if the ordinal head is used.

        Args:
            values: As of ``forward``.
            mask: As of ``forward``.
            targets: Class indices (N,).
            even_attention: Weight of the attention's unevenness in scans of the first class: where there is no
                emphysema, there is nothing that deserves more attention than the rest.
        """
        pooled, attention = self.pooled(values, mask)
        total = self.loss_of(*self.heads(pooled), targets)
        if even_attention > 0.0:
            total = total + even_attention * self.unevenness(attention.flatten(1), targets)
        return total

    @staticmethod
    def unevenness(attention: Tensor, targets: Tensor) -> Tensor:
        """Return the mean divergence of the attention from an even one over the scans of class 0; 0 if there are none.

        Args:
            attention: (N, cells), each row sums to 1; cells outside the lungs are exactly 0 and do not count.
            targets: Class indices (N,).
        """
        cells = (attention > 0.0).sum(dim=1, keepdim=True)
        divergence = (attention * torch.log((attention * cells).clamp(min=1e-12))).sum(dim=1)
        first = (targets == 0).to(divergence)
        return (divergence * first).sum() / first.sum().clamp(min=1.0)

    def loss_of(self, logits: Tensor, cumulative: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of what ``forward`` gave."""
        total = logits.new_zeros(())
        if self.configuration.head != "ordinal":
            total = total + functional.cross_entropy(logits, targets)
        if self.configuration.head != "categorical":
            reached = (targets[:, None] > torch.arange(cumulative.shape[1], device=targets.device)).to(cumulative)
            total = total + functional.binary_cross_entropy_with_logits(cumulative, reached)
        return total

    def probabilities(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return class probabilities (N, C) of the head, or the mean of both heads'."""
        return self.probabilities_of(*self(values, mask))

    def probabilities_of(self, logits: Tensor, cumulative: Tensor) -> Tensor:
        """Return class probabilities (N, C) of what ``forward`` gave."""
        categorical = torch.softmax(logits, dim=1)
        reached = torch.sigmoid(cumulative)
        one, zero = torch.ones_like(reached[:, :1]), torch.zeros_like(reached[:, :1])
        ordinal = torch.cat([one, reached], dim=1) - torch.cat([reached, zero], dim=1)
        if self.configuration.head == "both":
            return 0.5 * (categorical + ordinal)
        return categorical if self.configuration.head == "categorical" else ordinal

    def evidence(self, values: Tensor, mask: Tensor, target: int) -> Tensor:
        """Return the log-odds (N,) that explanations explain.

        For class 1 and above: that the severity is at least this class. For class 0: that it is this class. (Evidence
        for exactly a middle class would count lesions against it; what a reader wants to see is what raises the grade.)
        """
        logits, cumulative = self(values, mask)
        at_least = max(1, target)
        parts = []
        if self.configuration.head != "ordinal":
            parts.append(torch.logsumexp(logits[:, at_least:], dim=1) - torch.logsumexp(logits[:, :at_least], dim=1))
        if self.configuration.head != "categorical":
            parts.append(cumulative[:, at_least - 1])
        log_odds = torch.stack(parts).mean(dim=0)
        return log_odds if target >= 1 else -log_odds
