"""The plan of the bundled model ``brain-tissue-mr``: patch and network small enough to train on a CPU."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["CONFIGURATION", "FEATURES_PER_STAGE", "PATCH_SIZE", "plan_for_prediction", "plan_for_training"]

CONFIGURATION = "3d_fullres"
PATCH_SIZE = (64, 80, 64)
"""Voxels (z, y, x) of 2 mm."""
FEATURES_PER_STAGE = (16, 32, 64, 96, 128)
"""Multiples of 16, the width of the processor's vectors: fewer channels would not be faster."""


def plan_for_training(plans: dict[str, Any]) -> dict[str, Any]:
    """Return nnU-Net's plan for the synthetic data set with the recipe's patch, batch and network.

    The images hold anatomical classes, which are painted when a patch is loaded, so nothing is normalised before.
    """
    plans = json.loads(json.dumps(plans))
    configuration = plans["configurations"][CONFIGURATION]
    stages = len(FEATURES_PER_STAGE)
    configuration.update(
        batch_size=1,
        patch_size=list(PATCH_SIZE),
        normalization_schemes=["NoNormalization"],
        use_mask_for_norm=[False],
        batch_dice=False,
    )
    configuration["architecture"]["arch_kwargs"].update(
        n_stages=stages,
        features_per_stage=list(FEATURES_PER_STAGE),
        kernel_sizes=[[3, 3, 3]] * stages,
        strides=[[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        n_conv_per_stage=[1] * stages,
        n_conv_per_stage_decoder=[1] * (stages - 1),
    )
    plans["configurations"] = {CONFIGURATION: configuration}
    return dict(plans)


def plan_for_prediction(plans: dict[str, Any]) -> dict[str, Any]:
    """Return the training plan as it is used on real images: brought to mean 0 and standard deviation 1."""
    plans = json.loads(json.dumps(plans))
    plans["configurations"][CONFIGURATION]["normalization_schemes"] = ["ZScoreNormalization"]
    return dict(plans)
