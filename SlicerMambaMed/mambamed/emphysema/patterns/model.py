"""The pattern model in a folder: its card and the weights of one or more networks."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from mambamed.emphysema.patterns.codes import PATTERN_CODES
from mambamed.emphysema.patterns.network import PatternNetwork
from mambamed.errors import BadRequestError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import find_model
from mambamed.models.weights import load_weights
from mambamed.nn.device import choose_device

__all__ = ["PATTERN_MODEL_ID", "PatternModel", "load_pattern_model", "write_pattern_model"]

PATTERN_MODEL_ID = "emphysema-patterns"
_DESCRIPTION_NAME = "patterns.json"
_WEIGHTS_NAME = "patterns.safetensors"


@dataclass(frozen=True, eq=False)
class PatternModel:
    """Networks ready to classify (eval, on ``device``), whose probabilities are averaged, and their card."""

    networks: list[PatternNetwork]
    card: ModelCard
    device: torch.device


def load_pattern_model(model: str | os.PathLike[str] = PATTERN_MODEL_ID, device: str = "auto") -> PatternModel:
    """Load a pattern model by identifier, folder or zip; nothing in it is executed.

    Raises:
        BadRequestError: No such model, or one for another task.
        DeviceUnavailableError: No such device.
    """
    entry = find_model(model)
    if entry.card.task != "emphysema" or not (entry.folder / _DESCRIPTION_NAME).is_file():
        raise BadRequestError(
            f"The model {entry.card.id} does not tell emphysema patterns; expected {_DESCRIPTION_NAME} in its folder. "
            f"Choose {PATTERN_MODEL_ID}."
        )
    return _loaded(entry.folder.resolve(), entry.card.sha256(), str(choose_device(device)))


@lru_cache(maxsize=2)
def _loaded(folder: Path, card_sha256: str, device: str) -> PatternModel:
    """Load once per state of a model (its card holds the checksum of the weights)."""
    card = ModelCard.read(folder)
    try:
        description = json.loads((folder / _DESCRIPTION_NAME).read_text(encoding="utf-8"))
        count, codes = int(description["networks"]), tuple(description["codes"])
        if codes != PATTERN_CODES or not 1 <= count <= 20:
            raise ValueError(f"{count} networks for {codes}")
        tensors = load_weights(folder / card.weights[0].path)
        networks = []
        for index in range(count):
            network = PatternNetwork(len(codes))
            own = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
            prefix = f"{index}."
            own.update({n.removeprefix(prefix): t.float() for n, t in tensors.items() if n.startswith(prefix)})
            network.load_state_dict(own)
            networks.append(network.to(torch.device(device)).eval().requires_grad_(False))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadRequestError(
            f"The model {card.id} cannot be read ({str(error).splitlines()[0]}); copy the model again."
        ) from error
    return PatternModel(networks, card, torch.device(device))


def write_pattern_model(folder: Path, networks: list[PatternNetwork], card: ModelCard) -> ModelCard:
    """Write a model folder (matrices and kernels in float16) and return the card as written."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{index}.{name}": (value.half() if value.dim() >= 2 else value.float()).contiguous().clone()
        for index, network in enumerate(networks)
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    path = folder / _WEIGHTS_NAME
    save_file(tensors, str(path))
    description = {"networks": len(networks), "codes": list(PATTERN_CODES)}
    (folder / _DESCRIPTION_NAME).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    card = card.replace(weights=(CardWeights(_WEIGHTS_NAME, sha256_of_file(path), path.stat().st_size),))
    card.write(folder)
    return card
