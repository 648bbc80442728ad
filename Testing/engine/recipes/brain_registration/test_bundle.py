"""Bundling a training of the registration recipe: the card tells what was measured, of these weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mambamed.errors import BadRequestError
from mambamed.models.card import ModelCard
from mambamed.recipes.brain_registration.bundle import bundle_network
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.model import load_network
from mambamed.registration.networks.model import save_network
from mambamed.registration.networks.training.card import trained_card
from mambamed.registration.networks.training.train import describe_network
from mambamed.registration.networks.training.train import first_network

SPREAD = {"mean": 50.0, "deviation": 2.0}
TABLE = {
    "initial": {"dice_percent": SPREAD, "hd95_voxels": SPREAD},
    "registered": {"dice_percent": SPREAD, "hd95_voxels": SPREAD, "folded_percent": SPREAD},
    "parameters_million": 0.1,
    "pairs": 3,
}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    settings = NetworkTrainingSettings(
        recipe="vmambamorph-brain",
        arguments={"embed_dim": 8, "depths": [1, 1, 1], "feature_channels": 4, "downsize": 2},
        grid_shape=(32, 32, 32),
        spacing_mm=6.0,
    )
    folder = tmp_path / "trained"
    save_network(folder, first_network(settings), describe_network(settings), trained_card(settings, TABLE))
    return folder


def _rows(checksum: str) -> list[dict]:
    weights = [f"vmambamorph-brain {checksum}"]
    return [
        {"contrast": "T1-T1", "method": "affine", "weights": [], "dice": 0.5},
        {"contrast": "T1-T1", "method": "affine", "weights": [], "dice": 0.6},
        {"contrast": "T1-T1", "method": "network", "weights": weights, "dice": 0.625, "folded_percent": 0.25},
    ]


def test_card_and_weights(trained: Path, tmp_path: Path) -> None:
    checksum = ModelCard.read(trained).weights[0].sha256
    card = bundle_network(trained, tmp_path / "made", "1.2.0", "Ten steps.", _rows(checksum))
    assert card == ModelCard.read(tmp_path / "made")
    assert card.weights[0].sha256 == checksum
    assert card.demonstration_only
    assert card.training_data.endswith("Ten steps.")
    measured = {(metric.name, metric.label): (metric.value, metric.cases) for metric in card.metrics}
    assert measured["Dice", "T1-T1, after the affine alignment"] == (55.0, 2)
    assert measured["Dice", "T1-T1, after the network"] == (62.5, 1)
    assert measured["Voxels with |J| <= 0", "T1-T1, after the network"] == (0.25, 1)
    first, second = (load_network(folder, "cpu").network.state_dict() for folder in (trained, tmp_path / "made"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_measurements_of_other_weights_and_used_folders_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="not of those"):
        bundle_network(trained, tmp_path / "made", "1.0.0", "", _rows("0" * 64))
    with pytest.raises(BadRequestError, match="holds a model already"):
        bundle_network(trained, trained, "1.0.0", "")
