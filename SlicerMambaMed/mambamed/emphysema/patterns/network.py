"""A small network with attention that tells the texture of a patch of lung."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

__all__ = ["PatternNetwork"]

_THRESHOLDS_HU = (-1000.0, -975.0, -950.0, -925.0, -900.0, -870.0, -840.0, -800.0, -720.0, -600.0, -300.0, 0.0)
_SOFTNESS_HU = (12.0, 12.0, 12.0, 12.0, 15.0, 15.0, 20.0, 25.0, 45.0, 80.0, 120.0, 120.0)


class PatternNetwork(nn.Module):
    """Convolutions over soft HU levels, then a mean and an attention-weighted mean over the patch, then the classes.

    The first layer turns each HU into the soft answers to "is it above this level?", so that means over the patch are
    a soft histogram and the network can tell both densities and textures.

    Args:
        classes: Number of classes.
        channels: Feature maps per stage; a max-pooling by 2 lies between stages.
        dropout: Share of the head's inputs that are dropped in training.
    """

    def __init__(self, classes: int = 6, channels: tuple[int, int, int] = (16, 32, 48), dropout: float = 0.3) -> None:
        super().__init__()
        self.levels: Tensor
        self.softness: Tensor
        self.register_buffer("levels", torch.tensor(_THRESHOLDS_HU).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("softness", torch.tensor(_SOFTNESS_HU).view(1, -1, 1, 1), persistent=False)
        stages: list[nn.Module] = []
        before = len(_THRESHOLDS_HU)
        for index, after in enumerate(channels):
            layers: list[nn.Module] = [nn.MaxPool2d(2)] if index else []
            # The stage at full resolution costs most and has one convolution, the others two.
            for inputs in (before, after) if index else (before,):
                layers += [nn.Conv2d(inputs, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
                layers.append(nn.ReLU(inplace=True))
            stages.append(nn.Sequential(*layers))
            before = after
        self.stages = nn.ModuleList(stages)
        self.score = nn.Conv2d(before, 1, 1)
        width = len(_THRESHOLDS_HU) + sum(channels) + before
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))

    def forward(self, hu: Tensor) -> Tensor:
        """Return logits (N, classes) of patches (N, y, x) in HU."""
        levels: Tensor = torch.sigmoid((hu[:, None].float() - self.levels) / self.softness)
        pooled = [levels.mean(dim=(2, 3))]
        features = 2.0 * levels - 1.0
        for stage in self.stages:
            features = stage(features)
            pooled.append(features.mean(dim=(2, 3)))
        attention = torch.softmax(self.score(features).flatten(2), dim=2)
        pooled.append((features.flatten(2) * attention).sum(dim=2))
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits
