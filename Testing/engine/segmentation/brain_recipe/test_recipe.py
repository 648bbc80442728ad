from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.segmentation.brain_recipe.classes import AnatomyClass
from mambamed.segmentation.brain_recipe.recipe import CONFIGURATION
from mambamed.segmentation.brain_recipe.recipe import PATCH_SIZE
from mambamed.segmentation.brain_recipe.recipe import plan_for_prediction
from mambamed.segmentation.brain_recipe.recipe import plan_for_training
from mambamed.segmentation.brain_recipe.skull_strip import Stripping
from mambamed.segmentation.brain_recipe.skull_strip import strip
from mambamed.segmentation.networks import build_network


def planned() -> dict:
    """What the recipe keeps of a plan by nnunetv2."""
    name = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
    return {
        "configurations": {
            "2d": {},
            CONFIGURATION: {
                "spacing": [1.5, 1.5, 1.5],
                "patch_size": [128, 128, 112],
                "normalization_schemes": ["ZScoreNormalization"],
                "architecture": {"network_class_name": name, "arch_kwargs": {"n_stages": 6}},
            },
        }
    }


def test_plan_builds_a_small_network_for_the_patch() -> None:
    original = planned()
    plans = plan_for_training(original)
    assert original == planned(), "the plan given is left as it was"
    assert list(plans["configurations"]) == [CONFIGURATION]
    network = build_network("UMambaBot", plans["configurations"][CONFIGURATION], 1, 4)
    assert sum(p.numel() for p in network.parameters()) * 2 < 15e6, "in float16 the weights stay below 15 MB"
    assert all(size % 16 == 0 for size in PATCH_SIZE)


def test_prediction_normalises_and_training_does_not() -> None:
    plans = plan_for_training(planned())
    assert plans["configurations"][CONFIGURATION]["normalization_schemes"] == ["NoNormalization"]
    used = plan_for_prediction(plans)
    assert used["configurations"][CONFIGURATION]["normalization_schemes"] == ["ZScoreNormalization"]


@pytest.mark.parametrize("stripping", list(Stripping))
def test_stripping_keeps_the_inside_of_the_brain(stripping: Stripping) -> None:
    classes = torch.zeros((11, 12, 13), dtype=torch.long)
    classes[2:-2, 2:-2, 2:-2] = int(AnatomyClass.SUBARACHNOID_CSF)
    classes[3:-3, 3:-3, 3:-3] = int(AnatomyClass.CORTEX)
    keep = strip(classes, stripping)
    counts = {
        Stripping.NONE: classes.numel(),
        Stripping.TIGHT: 5 * 6 * 7,
        Stripping.BRAIN: 7 * 8 * 9,
        Stripping.GENEROUS: 11 * 12 * 13,
        Stripping.ERODED: 3 * 4 * 5,
    }
    assert int(keep.sum()) == counts[stripping]
    assert bool(keep[5, 5, 5])


def test_stripping_is_drawn_in_three_of_ten() -> None:
    random = np.random.default_rng(0)
    drawn = [Stripping.draw(random) for _ in range(2000)]
    assert set(drawn) == set(Stripping)
    assert 0.25 < sum(d is not Stripping.NONE for d in drawn) / len(drawn) < 0.35
