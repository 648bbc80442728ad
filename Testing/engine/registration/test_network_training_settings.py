"""Settings of a registration training, and the options of ``mambamed train registration``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from mambamed.cli.train_registration import add_task
from mambamed.cli.train_registration import network_settings
from mambamed.errors import BadRequestError
from mambamed.jobs.tasks import task_function
from mambamed.registration.network_recipes import NETWORK_RECIPES
from mambamed.registration.network_training_settings import NetworkTrainingSettings
from mambamed.registration.networks.training.train import describe_network


def _parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_task(parser.add_subparsers(dest="task"))
    return parser.parse_args(["registration", *words, "--output", "somewhere"])


def test_settings_survive_json() -> None:
    settings = NetworkTrainingSettings(shapes=True, arguments={"embed_dim": 16}, grid_shape=(32, 48, 32))
    assert NetworkTrainingSettings.from_json(settings.to_json()) == settings
    with pytest.raises(BadRequestError, match="Unknown settings"):
        NetworkTrainingSettings.from_json({"shapes": True, "depth": 3})


def test_the_papers_preset() -> None:
    settings = network_settings(_parsed("--shapes", "--preset", "paper", "--epochs", "7", "--argument", "directions=4"))
    assert settings.grid_shape == (128, 128, 128)
    assert (settings.epochs, settings.learning_rate, settings.scheduler) == (7, 1e-3, "constant")
    assert settings.smoothness_weight == 0.2
    assert settings.gradient_clip is None
    assert settings.arguments == {"directions": 4}


def test_a_recipe_names_everything_and_can_be_changed() -> None:
    recipe = NETWORK_RECIPES["vmambamorph-brain"].defaults
    settings = network_settings(_parsed("--recipe", "vmambamorph-brain", "--grid", "32", "48", "32"))
    assert settings.grid_shape == (32, 48, 32)
    assert settings.spacing_mm == recipe["spacing_mm"]
    assert describe_network(settings).middle_below_top_mm == recipe["middle_below_top_mm"]
    assert network_settings(_parsed("--shapes")).middle_below_top_mm is None
    own = network_settings(_parsed("--shapes", "--middle-below-top-mm", "75"))
    assert describe_network(own).middle_below_top_mm == 75.0
    assert settings.arguments == recipe["arguments"]
    changed = network_settings(_parsed("--recipe", "vmambamorph-brain", "--argument", "mode=reference"))
    assert changed.arguments == {**recipe["arguments"], "mode": "reference"}


def test_folders_become_absolute_and_label_maps_are_painted() -> None:
    settings = network_settings(_parsed("--label-maps", "maps", "--no-affine"))
    assert Path(settings.labels).is_absolute()
    assert settings.from_labels
    assert not settings.affine
    pairs = network_settings(_parsed("--fixed", "f", "--moving", "m", "--image-loss", "mind"))
    assert Path(pairs.moving).name == "m"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "one source"),
        ({"shapes": True, "images": "folder", "image_loss": "ncc"}, "one source"),
        ({"images": "folder"}, "need an image loss"),
        ({"fixed": "folder", "image_loss": "ncc"}, "two folders"),
        ({"shapes": True, "architecture": "morph"}, "architecture"),
        ({"shapes": True, "grid_shape": (8, 64, 64)}, "grid"),
        ({"shapes": True, "epochs": 0}, "epochs"),
        ({"shapes": True, "learning_rate": 0.0}, "learning rate"),
        ({"shapes": True, "time_limit_minutes": -1.0}, "time limit"),
        ({"shapes": True, "image_weight": -1.0}, "image_weight"),
        ({"shapes": True, "gradient_clip": 0.0}, "gradient"),
        ({"shapes": True, "same_contrast_share": 1.5}, "one contrast"),
    ],
)
def test_what_cannot_be_trained_is_refused(values: dict, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        NetworkTrainingSettings(**values)


def test_a_network_setting_needs_a_name() -> None:
    with pytest.raises(BadRequestError, match="NAME=VALUE"):
        network_settings(_parsed("--shapes", "--argument", "embed_dim"))


def test_the_job_is_known() -> None:
    assert task_function("train-registration").__module__ == "mambamed.registration.networks.training.job"
