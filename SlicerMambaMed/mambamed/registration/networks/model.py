"""A registration network in a model folder: card, ``network.json``, weights; written, found in the catalogue, read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch import nn

from mambamed.errors import BadRequestError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import find_model
from mambamed.models.weights import load_weights
from mambamed.nn.device import choose_device
from mambamed.registration.networks.description import DESCRIPTION_NAME
from mambamed.registration.networks.description import NetworkDescription
from mambamed.registration.networks.factory import build
from mambamed.registration.networks.intensity import intensity_range
from mambamed.registration.networks.intensity import to_unit_range
from mambamed.registration.networks.reference_weights import load_reference_weights

__all__ = ["WEIGHTS_NAME", "RegistrationModel", "load_network", "normalise_intensity", "save_network"]

WEIGHTS_NAME = "weights.safetensors"
_KEPT_EXACT = ("A_logs", "A_log", "Ds", "dt_projs_bias", "dt_proj.bias")
"""Endings of state-space parameters that stay float32: the recurrence multiplies their rounding by the length."""


@dataclass(frozen=True, eq=False)
class RegistrationModel:
    """A network ready to register.

    Attributes:
        network: eval mode, float32, on ``device``; ``forward(source, target)`` returns a ``RegistrationOutput``.
        description: how it was built, its grid and the normalisation it expects.
        card: the model card.
        device: where the network is.
    """

    network: nn.Module
    description: NetworkDescription
    card: ModelCard
    device: torch.device


def normalise_intensity(volume: Tensor, description: NetworkDescription) -> Tensor:
    """Bring a volume (B, 1, X, Y, Z) to the intensities that the network expects, each case by its own percentiles.

    Raises:
        BadRequestError: a case is constant.
    """
    percentiles = description.intensity.low_percentile, description.intensity.high_percentile
    result = []
    for case in volume.float():
        low, high = intensity_range(case, *percentiles)
        if not high > low:
            raise BadRequestError(
                f"The volume is nearly constant (its percentiles {percentiles[0]:g} and {percentiles[1]:g} are both "
                f"{high:g}); choose one that shows something."
            )
        result.append(to_unit_range(case, *percentiles))
    return torch.stack(result)


def save_network(
    folder: str | os.PathLike[str], network: nn.Module, description: NetworkDescription, card: ModelCard
) -> ModelCard:
    """Write a model folder and return the card as written (weights and checksum filled in).

    Weights are stored as float16, those of the recurrence as float32.

    Args:
        folder: new or empty folder.
        network: made by ``build(description.architecture, **description.build_arguments)``.
        description: how it was built, its grid and the normalisation it expects.
        card: describes the model; its task is "registration"; its weights are filled in here.
    """
    if card.task != "registration":
        raise BadRequestError(f'The card of {card.id} has the task "{card.task}"; expected "registration".')
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    path = target / WEIGHTS_NAME
    save_file({name: _stored(name, value) for name, value in network.state_dict().items()}, str(path))
    description.write(target)
    card = card.replace(weights=(CardWeights(WEIGHTS_NAME, sha256_of_file(path), path.stat().st_size),))
    card.write(target)
    return card


def load_network(model: str | os.PathLike[str], device: str = "auto") -> RegistrationModel:
    """Load a registration network by identifier, folder or zip; nothing in it is executed.

    Args:
        model: identifier of a listed model, or a model's folder or zip.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".

    Raises:
        BadRequestError: no such model, or it is not a registration network.
        DeviceUnavailableError: no such device.
    """
    entry = find_model(model)
    if entry.card.task != "registration" or not (entry.folder / DESCRIPTION_NAME).is_file():
        raise BadRequestError(
            f"The model {entry.card.id} is not a deformable registration network; expected {DESCRIPTION_NAME} in its "
            "folder. Choose one, or train one with: mambamed train registration."
        )
    return _loaded(entry.folder.resolve(), entry.card.sha256(), str(choose_device(device)))


@lru_cache(maxsize=2)
def _loaded(folder: Path, card_sha256: str, device: str) -> RegistrationModel:
    """Load once per state of a model (its card holds the checksum of the weights)."""
    card = ModelCard.read(folder)
    description = NetworkDescription.read(folder)
    network = build(description.architecture, **description.build_arguments)
    weights = load_weights(folder / card.weights[0].path)
    load_reference_weights(network, {name: value.to(_type_of(value)) for name, value in weights.items()})
    chosen = torch.device(device)
    return RegistrationModel(network.to(chosen).eval().requires_grad_(False), description, card, chosen)


def _stored(name: str, value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous().clone()
    if not value.is_floating_point() or name.endswith(_KEPT_EXACT):
        return value
    half = value.half()
    if not bool(torch.isfinite(half).all()):
        raise BadRequestError(f"The weights {name} are too large for float16; train again with a lower learning rate.")
    return half


def _type_of(value: Tensor) -> torch.dtype:
    return torch.float32 if value.is_floating_point() else value.dtype
