"""A detector in a folder: ``model-card.json``, ``detector.json`` (``DetectorDescription``), ``weights.safetensors``.

Files of a model may come from anywhere: the weights are read as safetensors only, and the network gets memory only
after every tensor was found to have the shape that the description says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mambamed.detection.description import DESCRIPTION_NAME
from mambamed.detection.description import DetectorDescription
from mambamed.detection.networks.detector import Detector
from mambamed.detection.networks.detector import build_detector
from mambamed.errors import BadRequestError
from mambamed.errors import UnsafeFileError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CARD_NAME
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.catalogue import find_model
from mambamed.models.weights import load_weights
from mambamed.nn.device import choose_device

__all__ = ["WEIGHTS_NAME", "DetectionModel", "load_detector", "save_detector"]

WEIGHTS_NAME = "weights.safetensors"
_COUNTER = "num_batches_tracked"  # of batch normalisation; evaluation does not use it


@dataclass(frozen=True, eq=False)
class DetectionModel:
    """A detector ready to predict.

    Attributes:
        network: in evaluation, float32, on ``device``.
        description: how a picture must be brought to it, and its classes.
        card: what it is.
        device: where it computes.
    """

    network: Detector
    description: DetectorDescription
    card: ModelCard
    device: torch.device

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the kinds of object, in the network's order."""
        return self.description.classes


def save_detector(
    folder: str | os.PathLike[str], network: Detector, description: DetectorDescription, card: ModelCard
) -> ModelCard:
    """Write a model folder.

    Kernels are stored as float16, everything else (biases, batch normalisation) as float32.

    Args:
        folder: made if missing; must not hold a model.
        network: the detector; its settings must be those of the description.
        description: how a picture must be brought to it, and its classes.
        card: of task ``detection``; the labels' names must be the classes in order. The weights are filled in here.

    Returns:
        The card as written.

    Raises:
        BadRequestError: the parts do not fit together, or the folder holds a model.
    """
    target = Path(folder)
    if (target / CARD_NAME).exists():
        raise BadRequestError(f"The folder {target} holds a model already; remove it or choose another folder.")
    _check_card(card, description)
    expected = _shapes(description)
    tensors = {name: value.detach().cpu() for name, value in network.state_dict().items() if _is_kept(name)}
    _check_tensors(tensors, expected, f"The network for {target}")
    stored = {name: value.half() if value.dim() >= 2 else value.float() for name, value in tensors.items()}
    if wrong := [name for name, value in stored.items() if not torch.isfinite(value).all()]:
        raise BadRequestError(f"The weights {wrong[0]} are not finite or too large for float16; train again.")
    target.mkdir(parents=True, exist_ok=True)
    path = target / WEIGHTS_NAME
    save_file({name: value.contiguous().clone() for name, value in stored.items()}, str(path))
    description.write(target)
    card = card.replace(weights=(CardWeights(WEIGHTS_NAME, sha256_of_file(path), path.stat().st_size),))
    card.write(target)
    return card


def load_detector(model: str | os.PathLike[str], device: str = "auto") -> DetectionModel:
    """Load a detector by identifier, folder or zip; nothing in it is executed.

    Args:
        model: identifier of a listed model, a model folder, or a zip of one.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises:
        BadRequestError: no such model, one for another task, or damaged or unfitting files.
        UnsafeFileError: weights in a format that could execute code, or a zip that would write outside its folder.
        DeviceUnavailableError: no such device.
    """
    entry = find_model(model)
    if entry.card.task != "detection" or not (entry.folder / DESCRIPTION_NAME).is_file():
        raise BadRequestError(
            f"The model {entry.card.id} is for {entry.card.task}, not an oriented detector with {DESCRIPTION_NAME} in "
            "its folder. `mambamed models list` shows which models are for detection."
        )
    # The card's checksum covers that of the weights; the description is small and compared as it is.
    description = DetectorDescription.read(entry.folder)
    return _loaded(entry.folder.resolve(), entry.card.sha256(), description, str(choose_device(device)))


@lru_cache(maxsize=1)
def _loaded(folder: Path, card_sha256: str, description: DetectorDescription, device: str) -> DetectionModel:
    """Load once per state of a model; the last one is kept."""
    card = ModelCard.read(folder)
    _check_card(card, description)
    if len(card.weights) != 1 or not card.weights[0].path.endswith(".safetensors"):
        names = ", ".join(item.path for item in card.weights)
        raise UnsafeFileError(
            f"The detector {card.id} was refused: its weights are {names}; expected one .safetensors file: it cannot "
            "hold code."
        )
    path = folder / card.weights[0].path
    tensors = {name: value for name, value in load_weights(path).items() if _is_kept(name)}
    _check_tensors(tensors, _shapes(description), f"The file {path}")
    if wrong := [name for name, value in tensors.items() if not torch.isfinite(value).all()]:
        raise BadRequestError(f"The weights {wrong[0]} in {path} are not finite; copy the model again.")
    with torch.device("meta"):
        network = build_detector(description.network)
    values = {name: value.float() for name, value in tensors.items()}
    counters = {name: torch.zeros((), dtype=torch.int64) for name in network.state_dict() if not _is_kept(name)}
    network.load_state_dict({**values, **counters}, assign=True)
    chosen = torch.device(device)
    return DetectionModel(network.to(chosen).eval().requires_grad_(False), description, card, chosen)


def _shapes(description: DetectorDescription) -> dict[str, torch.Size]:
    """Return the shapes of the network's tensors, without making them: a hostile description costs no memory."""
    with torch.device("meta"):
        state = build_detector(description.network).state_dict()
    return {name: value.shape for name, value in state.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    return not name.endswith(_COUNTER)


def _check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size], what: str) -> None:
    missing = sorted(set(expected) - set(tensors))
    other = sorted(
        name
        for name, value in tensors.items()
        if name not in expected or value.shape != expected[name] or not value.is_floating_point()
    )
    if missing or other:
        raise BadRequestError(
            f"{what} does not fit {DESCRIPTION_NAME}: {len(missing)} tensors are missing, {len(other)} are unknown or "
            f"of another shape (first: {(missing + other)[0]}). Copy the model again, or correct its description."
        )


def _check_card(card: ModelCard, description: DetectorDescription) -> None:
    if card.task != "detection":
        raise BadRequestError(f"The card of {card.id} is for {card.task}; a detector's is for detection.")
    names = tuple(label.name for label in card.labels)
    if names != description.classes:
        raise BadRequestError(
            f"The card of {card.id} has the labels {', '.join(names) or 'none'} and {DESCRIPTION_NAME} the classes "
            f"{', '.join(description.classes)}; both must name the same in the same order."
        )
