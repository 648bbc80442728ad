"""Everything a DISA training needs to go on: weights, their average, optimiser, balance, step; safely on disk."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.models.checkpoint import read_restricted
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.training.batches import Batch
from mambamed.registration.disa.training.first_weights import scale_last_layer
from mambamed.registration.disa.training.first_weights import set_first_weights
from mambamed.registration.disa.training.pair_loss import SimilarityBalance
from mambamed.registration.disa.weights import load_network
from mambamed.registration.disa_training_settings import DISATrainingSettings

__all__ = ["TrainingState", "new_state"]

_COUNTS = 60
"""Times that the first batch is counted into the frequencies of similarities."""


@dataclass
class TrainingState:
    """The training after ``step`` steps.

    Attributes:
        network: being trained.
        average: network whose weights are the moving average of the trained ones: the result.
        optimiser: AdamW over the network.
        balance: frequencies of similarities.
        step: steps done.
    """

    network: DISANet
    average: DISANet
    optimiser: torch.optim.Optimizer
    balance: SimilarityBalance = field(default_factory=SimilarityBalance)
    step: int = 0

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the network; early on it follows faster, so that it forgets the random start."""
        decay = min(decay, (1.0 + self.step) / (10.0 + self.step))
        for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, 1.0 - decay)

    def save(self, path: Path) -> None:
        """Write a checkpoint so that ``path`` is always whole: under another name, flushed, then renamed."""
        content = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "balance": self.balance.share,
        }
        temporary = path.with_name(path.name + ".part")
        with temporary.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Go back to a checkpoint.

        Raises:
            BadRequestError: the file is not such a checkpoint.
            UnsafeFileError: it would execute code.
        """
        content: dict[str, Any] = read_restricted(path)
        try:
            self.network.load_state_dict(content["network"])
            self.average.load_state_dict(content["average"])
            self.optimiser.load_state_dict(content["optimiser"])
            share: Tensor = content["balance"]
            self.step = int(content["step"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadRequestError(
                f"{path} is not a checkpoint of a DISA training ({error}); start a new training."
            ) from error
        self.balance.share = share


def new_state(settings: DISATrainingSettings, batch: Batch) -> TrainingState:
    """A training at its beginning: given weights, or some drawn from the seed; frequencies are taken from a batch.

    Drawn weights get the lengths of their descriptors from the batch; given ones stay as they are.

    Raises:
        BadRequestError: there are no such initial weights, or they are not those of a DISA network.
    """
    network = DISANet()
    if settings.initial_weights:
        network.load_state_dict(load_network(settings.initial_weights).state_dict())
        network.to(batch.volumes.device)
    else:
        set_first_weights(network, settings.seed)
        network.to(batch.volumes.device)
        scale_last_layer(network, batch.volumes, batch.positions)
    balance = SimilarityBalance()
    for _ in range(_COUNTS):
        balance.weights(batch.targets)
    for parameter in network.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.to(memory_format=torch.channels_last_3d)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return TrainingState(network, copy.deepcopy(network), optimiser, balance)
