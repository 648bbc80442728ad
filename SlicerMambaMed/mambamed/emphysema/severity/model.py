"""A severity model in a folder: card, ``severity.json`` (configuration), weights, likeness of the training scans."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from mambamed.emphysema.severity.network import SeverityNetwork
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.emphysema.severity.unlike import TrainingLikeness
from mambamed.errors import BadRequestError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import find_model
from mambamed.models.weights import load_weights
from mambamed.nn.device import choose_device

__all__ = ["CONFIGURATION_NAME", "SeverityModel", "load_severity_model", "write_severity_model"]

CONFIGURATION_NAME = "severity.json"
_WEIGHTS_NAME = "severity.safetensors"
_LARGEST_TEXT = 1_000_000


@dataclass(frozen=True, eq=False)
class SeverityModel:
    """A network ready to grade: ``network`` (eval, on ``device``), ``configuration``, ``likeness``, ``card``."""

    network: SeverityNetwork
    configuration: SeverityConfiguration
    likeness: TrainingLikeness
    card: ModelCard
    device: torch.device


def load_severity_model(model: str | os.PathLike[str], device: str = "auto") -> SeverityModel:
    """Load a severity model by identifier, folder or zip; nothing in it is executed.

    Raises:
        BadRequestError: No such model, or one for another task.
        DeviceUnavailableError: No such device.
    """
    entry = find_model(model)
    path = entry.folder / CONFIGURATION_NAME
    if entry.card.task != "emphysema" or not path.is_file():
        raise BadRequestError(
            f"The model {entry.card.id} is not one that grades emphysema; expected {CONFIGURATION_NAME} in its folder. "
            "Choose a severity model, or train one with: mambamed train severity."
        )
    return _loaded(entry.folder.resolve(), entry.card.sha256(), str(choose_device(device)))


@lru_cache(maxsize=2)
def _loaded(folder: Path, card_sha256: str, device: str) -> SeverityModel:
    """Load once per state of a model (its card holds the checksum of the weights)."""
    card = ModelCard.read(folder)
    try:
        text = (folder / CONFIGURATION_NAME).read_bytes()[:_LARGEST_TEXT]
        configuration = SeverityConfiguration.from_json(json.loads(text))
    except (OSError, ValueError, RecursionError) as error:
        raise BadRequestError(f"The model {card.id} cannot be read ({error}); copy it again.") from error
    tensors = load_weights(folder / card.weights[0].path)
    network = SeverityNetwork(configuration)
    own = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith("unlike.")}
    own.update({name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")})
    try:
        network.load_state_dict(own)
        likeness = TrainingLikeness.from_tensors(tensors)
    except (RuntimeError, KeyError) as error:
        raise BadRequestError(
            f"The weights of {card.id} do not fit its configuration ({str(error).splitlines()[0]}); "
            "copy the model again."
        ) from error
    chosen = torch.device(device)
    return SeverityModel(network.to(chosen).eval().requires_grad_(False), configuration, likeness, card, chosen)


def write_severity_model(
    folder: Path, network: SeverityNetwork, likeness: TrainingLikeness, card: ModelCard
) -> ModelCard:
    """Write a model folder and return the card as written (weights and checksum filled in).

    Convolution and matrix weights are stored as float16, everything else as float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, value in network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            tensors[name] = value.detach().cpu().half() if value.dim() >= 2 else value.detach().cpu().float()
    tensors.update(likeness.tensors())
    path = folder / _WEIGHTS_NAME
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, str(path))
    (folder / CONFIGURATION_NAME).write_text(
        json.dumps(network.configuration.to_json(), indent=1) + "\n", encoding="utf-8"
    )
    card = card.replace(weights=(CardWeights(_WEIGHTS_NAME, sha256_of_file(path), path.stat().st_size),))
    card.write(folder)
    return card
