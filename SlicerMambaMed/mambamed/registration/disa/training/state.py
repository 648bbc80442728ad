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
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.models.checkpoint import read_restricted
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.training.pair_loss import SimilarityBalance
from mambamed.registration.disa_training_settings import DISATrainingSettings

__all__ = ["TrainingState", "new_state"]

_OUTPUT_GAIN = 0.05


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


def new_state(settings: DISATrainingSettings, device: torch.device) -> TrainingState:
    """A training at its beginning, weights drawn from the seed."""
    torch.manual_seed(settings.seed)
    network = DISANet()
    network.apply(_initialise)
    network.to(device)
    for parameter in network.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.to(memory_format=torch.channels_last_3d)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return TrainingState(network, copy.deepcopy(network), optimiser)


def _initialise(module: nn.Module) -> None:
    """Keep the variance from layer to layer: with PyTorch's default the first descriptors would all be nearly zero."""
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, a=0.01, nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        else:
            # The last layer: descriptors about half as long as those of equal patches shall be.
            module.weight.data.mul_(_OUTPUT_GAIN)
