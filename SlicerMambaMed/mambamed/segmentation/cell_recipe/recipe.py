"""The plan of the bundled model ``cells-microscopy``: a small U-Mamba Enc 2D that one CPU core can train."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["CONFIGURATION", "FEATURES_PER_STAGE", "PATCH_SIZE", "plan_for_training"]

CONFIGURATION = "2d"
PATCH_SIZE = (128, 128)
BATCH_SIZE = 4
FEATURES_PER_STAGE = (16, 32, 64, 96, 128)


def plan_for_training(plans: dict[str, Any]) -> dict[str, Any]:
    """Return nnU-Net's plan for the synthetic pictures with the recipe's patch, batch and network."""
    plans = json.loads(json.dumps(plans))
    configuration = plans["configurations"][CONFIGURATION]
    stages = len(FEATURES_PER_STAGE)
    configuration.update(batch_size=BATCH_SIZE, patch_size=list(PATCH_SIZE), batch_dice=True)
    configuration["architecture"]["arch_kwargs"].update(
        n_stages=stages,
        features_per_stage=list(FEATURES_PER_STAGE),
        kernel_sizes=[[3, 3]] * stages,
        strides=[[1, 1]] + [[2, 2]] * (stages - 1),
        n_conv_per_stage=[1] * stages,
        n_conv_per_stage_decoder=[1] * (stages - 1),
    )
    plans["configurations"] = {CONFIGURATION: configuration}
    return dict(plans)
