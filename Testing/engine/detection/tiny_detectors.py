"""Small detectors for tests: a model folder with random weights, cards and descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mambamed.detection.description import DetectorDescription
from mambamed.detection.model import save_detector
from mambamed.detection.networks import DetectorSettings
from mambamed.detection.networks import build_detector
from mambamed.models.card import CardInput
from mambamed.models.card import CardLabel
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard


def detector_card(*names: str) -> ModelCard:
    """Return the card of a detector with the labels given; its weights are filled in when it is saved."""
    return ModelCard(
        id="tiny-detector",
        version="1.0.0",
        title="Tiny detector of a test",
        task="detection",
        modality="CT",
        inputs=(CardInput("image", "Picture"),),
        network="LSKNet, width 1/8",
        weights=(CardWeights("weights.safetensors"),),
        training_data="none",
        licence="Apache-2.0",
        intended_use="tests",
        demonstration_only=True,
        labels=tuple(CardLabel(number, name, (200, 20 * number, 0)) for number, name in enumerate(names, 1)),
    )


def write_detector(
    folder: Path, names: Sequence[str] = ("nodule", "vessel"), channels: int = 1, seed: int = 0, **description: Any
) -> Path:
    """Write a detector with random weights into a folder and return it."""
    settings = DetectorSettings(len(names), backbone="lsknet", width=0.125, feature_channels=8, image_channels=channels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_detector(settings)
    save_detector(folder, network, DetectorDescription(tuple(names), settings, **description), detector_card(*names))
    return folder
