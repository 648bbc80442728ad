"""A training of a registration network: it learns, resumes exactly, stops, refuses NaN, ends as a model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mambamed.cli.main import main
from mambamed.errors import BadRequestError
from mambamed.errors import JobCancelledError
from mambamed.errors import MambaMedError
from mambamed.jobs.reporter import NullReporter
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.model import load_network
from mambamed.registration.networks.training.loss import registration_loss
from mambamed.registration.networks.training.train import first_network
from mambamed.registration.networks.training.train import train_alone_or_together
from mambamed.registration.networks.training.train import train_network

TINY = {
    "shapes": True,
    "arguments": {"embed_dim": 8, "depths": [1, 1, 1], "feature_channels": 4, "downsize": 2},
    "grid_shape": (16, 24, 16),
    "spacing_mm": 3.0,
    "epochs": 3,
    "iterations": 2,
    "validation_pairs": 2,
    "learning_rate": 2e-3,
    "precision": "float32",
    "device": "cpu",
}


class Listener(NullReporter):
    """Keeps the curve; asks to stop after the first batch that follows some epochs."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.losses: list[float] = []
        self._stop_after = stop_after

    @property
    def stop_requested(self) -> bool:
        return self._stop_after is not None and len(self.losses) >= self._stop_after

    def metric(self, name, value, step=None):
        if "loss" in name:
            self.losses.append(value)


def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(tmp_path) -> None:
    settings = NetworkTrainingSettings(**TINY)
    whole = Listener()
    expected, table = train_network(settings, tmp_path / "whole", whole)
    with pytest.raises(JobCancelledError, match="in epoch 2 after batch 1"):
        train_network(settings, tmp_path / "parts", Listener(stop_after=1))
    rest = Listener()
    found, _ = train_network(settings, tmp_path / "parts", rest, resume=True)
    assert len(rest.losses) == 2
    assert whole.losses[1:] == rest.losses
    for name, value in expected.state_dict().items():
        assert torch.equal(value, found.state_dict()[name]), name
    assert set(table) == {"initial", "registered", "memory_gb", "parameters_million", "seconds", "pairs"}
    assert table["pairs"] == 2
    assert 0.0 <= table["registered"]["dice_percent"]["mean"] <= 100.0
    assert table["parameters_million"] == sum(value.numel() for value in expected.parameters()) / 1e6


def test_a_training_learns_to_register(tmp_path) -> None:
    """Shown the same two shapes again and again, the network makes the loss of labels smaller than without a field."""
    settings = NetworkTrainingSettings(**TINY).replace(smoothness_weight=0.05)
    labels = torch.zeros(1, 16, 24, 16, dtype=torch.long)
    labels[:, 5:12, 7:17, 5:11] = 1
    batch = {"source_labels": labels.roll(2, dims=2), "target_labels": labels}
    batch |= {name: (batch[f"{name}_labels"] > 0)[:, None].float() for name in ("source", "target")}
    network = first_network(settings)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(25):
        terms = registration_loss(network(batch["source"], batch["target"]), batch, settings)
        assert set(terms) == {"dice", "smoothness"}
        loss = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < losses[0] - 0.04


@pytest.mark.parametrize("image_loss", ["ncc", "mind"])
def test_image_losses_are_smaller_for_the_right_field(image_loss: str) -> None:
    settings = NetworkTrainingSettings(images="folder", image_loss=image_loss, smoothness_weight=0.0)
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, 6, 7, 6, generator=generator)
    target = torch.nn.functional.interpolate(coarse, size=(16, 20, 18), mode="trilinear", align_corners=True)
    values = []
    for moved in (target, target.roll(2, dims=3)):
        from mambamed.registration.networks import RegistrationOutput

        field = torch.zeros(1, 3, 16, 20, 18)
        terms = registration_loss(RegistrationOutput(moved, field, field), {"target": target}, settings)
        assert set(terms) == {"images", "smoothness"}
        values.append(float(terms["images"]))
    assert values[0] < values[1] - 1e-3


def test_pairs_without_labels_need_an_image_loss() -> None:
    settings = NetworkTrainingSettings(shapes=True)
    network = first_network(NetworkTrainingSettings(**TINY))
    volume = torch.rand(1, 1, 16, 16, 16)
    with pytest.raises(BadRequestError, match="no labels"):
        registration_loss(network(volume, volume), {"target": volume}, settings)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path) -> None:
    settings = NetworkTrainingSettings(**{**TINY, "learning_rate": 1e30, "scheduler": "constant"})
    with pytest.raises(MambaMedError, match="NaN"):
        train_network(settings, tmp_path)


@pytest.mark.slow
def test_two_processes_train_together(tmp_path) -> None:
    settings = NetworkTrainingSettings(**{**TINY, "epochs": 1, "threads": 1, "training_processes": 2})
    network, table = train_alone_or_together(settings, tmp_path, NullReporter())
    first = first_network(settings).state_dict()
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, first[name])]
    assert len(changed) > len(first) / 2
    assert np.isfinite(table["registered"]["dice_percent"]["mean"])


def test_the_command_leaves_a_model_with_card_and_report(tmp_path, capsys) -> None:
    words = ["train", "registration", "--shapes", "--grid", "16", "16", "16", "--spacing-mm", "3", "--device", "cpu"]
    words += ["--epochs", "1", "--iterations", "1", "--validation-pairs", "1", "--precision", "float32", "--json"]
    for argument in ("embed_dim=8", "depths=[1,1,1]", "feature_channels=4", "directions=4"):
        words += ["--argument", argument]
    assert main([*words, "--output", str(tmp_path / "job")]) == 0
    folder = next((tmp_path / "job/outputs/model").iterdir())
    assert folder.name == "vmambamorph-feat-trained"
    model = load_network(folder, "cpu")
    assert "corrected mode, 4 scan directions" in model.card.network
    assert model.description.grid_shape == (16, 16, 16)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["settings"]["arguments"]["directions"] == 4
    assert {metric.name for metric in model.card.metrics} == {"Dice", "HD95", "Voxels with |J| <= 0"}
    result = json.loads((tmp_path / "job/result.json").read_text(encoding="utf-8"))
    assert result["measures"]["table"]["pairs"] == 1


def test_an_initial_model_must_be_the_same_network(tmp_path) -> None:
    from mambamed.registration.networks.model import save_network
    from mambamed.registration.networks.training.card import trained_card
    from mambamed.registration.networks.training.train import describe_network

    settings = NetworkTrainingSettings(**TINY)
    table = {"initial": {}, "registered": {}, "parameters_million": 0.1, "pairs": 1}
    network = first_network(settings.replace(seed=9))
    save_network(tmp_path / "model", network, describe_network(settings), trained_card(settings, table))
    same = first_network(settings.replace(initial_model=str(tmp_path / "model")))
    torch.testing.assert_close(same.state_dict(), network.state_dict(), atol=1e-3, rtol=1e-3)
    other = settings.replace(initial_model=str(tmp_path / "model"), arguments={**TINY["arguments"], "directions": 4})
    with pytest.raises(BadRequestError, match="same settings"):
        first_network(other)
