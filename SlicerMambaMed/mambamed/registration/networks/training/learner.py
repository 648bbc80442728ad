"""A registration network as lightning trains it."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor
from torch import nn

from mambamed.registration.layers.metrics import non_positive_jacobian_percent
from mambamed.registration.layers.spatial_transformer import warp
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training.loss import common_labels
from mambamed.registration.networks.training.loss import registration_loss
from mambamed.training.seeds import derived_seed

__all__ = ["RegistrationLearner", "label_dice"]

_CHOICES_DRAW = 11


class RegistrationLearner(lightning.LightningModule):
    """One network, its loss, Adam; logs the validation loss, Dice before and after, and the share of folded voxels."""

    def __init__(self, network: nn.Module, settings: NetworkTrainingSettings) -> None:
        super().__init__()
        self.network = network
        self._settings = settings

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        """Return the loss of one pair; its random choices depend on the step alone, for an exact resume."""
        torch.manual_seed(derived_seed(self._settings.seed, _CHOICES_DRAW, self.global_step))
        terms = registration_loss(self.network(batch["source"], batch["target"]), batch, self._settings)
        return torch.stack(list(terms.values())).sum()

    def validation_step(self, batch: dict[str, Tensor], _: int) -> None:
        """Measure one pair."""
        output = self.network(batch["source"], batch["target"])
        terms = registration_loss(output, batch, self._settings)
        displacement = output.pos_flow.float()
        measures = {
            "validation_loss": torch.stack(list(terms.values())).sum(),
            "folded_percent": torch.tensor(non_positive_jacobian_percent(displacement)),
        }
        if "source_labels" in batch:
            measures["dice_before"] = label_dice(batch, torch.zeros_like(displacement)).mean()
            measures["dice"] = label_dice(batch, displacement).mean()
        for name, value in measures.items():
            self.log(name, value.float(), on_epoch=True, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, as in the paper."""
        return torch.optim.Adam(self.network.parameters(), lr=self._settings.learning_rate)


@torch.no_grad()
def label_dice(batch: dict[str, Any], displacement: Tensor) -> Tensor:
    """Dice of every common label of one pair after warping by nearest neighbour, (L,)."""
    source, target = batch["source_labels"], batch["target_labels"]
    moved = warp(source[:, None].float(), displacement, mode="nearest")[:, 0].round().long()
    values = common_labels(source, target)
    counts = [torch.bincount(labels.flatten(), minlength=int(values.max()) + 1) for labels in (moved, target)]
    both = torch.bincount(target[moved == target], minlength=int(values.max()) + 1)
    return 2.0 * both[values] / (counts[0] + counts[1])[values].clamp_min(1)
