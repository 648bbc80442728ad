from __future__ import annotations

import argparse

import pytest
from mambamed.cli import train
from mambamed.segmentation.networks.build import network_name_of_trainer
from mambamed.segmentation.recipes import RECIPES
from mambamed.segmentation.trainers.controlled import ControlledTrainer
from mambamed.segmentation.training_settings import SegmentationTrainingSettings


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_can_be_asked_for_and_has_all_its_parts(name: str) -> None:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    words = ["segmentation", "--recipe", name, "-o", "x", "--epochs", "3"]
    settings = train.settings_from_arguments(parser.parse_args(words))
    assert settings.recipe == name
    assert settings.epochs == 3, "an option that is given comes before the recipe's"
    recipe = RECIPES[name]
    assert settings.synthetic_cases == recipe.defaults["synthetic_cases"]
    assert settings.dataset_name == recipe.dataset_name
    assert settings.dataset_id > 0
    trainer = recipe.trainer_class()
    assert issubclass(trainer, ControlledTrainer)
    assert network_name_of_trainer(trainer.__name__).startswith("UMamba")


def test_recipes_make_different_data_sets() -> None:
    assert len({recipe.dataset_name for recipe in RECIPES.values()}) == len(RECIPES)
    assert SegmentationTrainingSettings(recipe="brain-tissue-mr").dataset_id == 152
