"""Small lungs with dark places, and tiny severity models for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mambamed.emphysema.severity.card import training_card
from mambamed.emphysema.severity.learning import predict
from mambamed.emphysema.severity.metrics import measures
from mambamed.emphysema.severity.model import write_severity_model
from mambamed.emphysema.severity.network import SeverityNetwork
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.emphysema.severity.train_settings import DEMONSTRATION_RECIPE
from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
from mambamed.emphysema.severity.unlike import DESCRIPTORS
from mambamed.emphysema.severity.unlike import TrainingLikeness

TINY = {"size": (12, 10, 14), "spacing_mm": 12.0, "channels": (4, 6), "pool": (True, False), "hidden": 8}
SPACING_MM = (7.0, 5.0, 6.0)


def two_lungs(dark_share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """HU and lungs (22, 26, 30); a share of the lungs' voxels, as balls in the upper half, is at -985 HU."""
    random = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.arange(n) for n in (22, 26, 30)), indexing="ij")
    lungs = np.zeros(z.shape, bool)
    for middle in (8.0, 21.0):
        lungs |= ((z - 11) / 9.5) ** 2 + ((y - 12) / 10.0) ** 2 + ((x - middle) / 5.5) ** 2 < 1
    hu = np.where(lungs, -860.0, 40.0) + random.normal(0, 8, z.shape)
    inside = np.argwhere(lungs)
    dark = np.zeros_like(lungs)
    while dark.sum() < dark_share * lungs.sum():
        centre = inside[random.integers(len(inside))]
        dark |= ((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 5) & lungs
    hu[dark] = -985.0
    return hu, lungs


def untrained_network(seed: int = 0, **changes) -> SeverityNetwork:
    torch.manual_seed(seed)
    return SeverityNetwork(SeverityConfiguration(**{**TINY, **changes})).eval()


def write_tiny_severity_model(folder: Path, network: SeverityNetwork | None = None, cases=()) -> Path:
    """Write a model folder; its likeness comes from the cases, if any."""
    network = network or untrained_network()
    width = len(DESCRIPTORS) + network.configuration.channels[-1]
    rows = np.random.default_rng(0).normal(size=(40, width))
    if cases:
        from mambamed.jobs.reporter import NullReporter

        rows = predict(network, cases, NullReporter())[1]
    classes = len(network.configuration.classes)
    measured = measures(np.arange(classes), np.eye(classes))
    settings = SeverityTrainingSettings(recipe=DEMONSTRATION_RECIPE, **TINY)
    card = training_card(settings, {"cases": 4, "test": measured})
    write_severity_model(folder, network, TrainingLikeness.fit(rows, rows), card)
    return folder
