"""The plan of the bundled model ``lungs-ct``: patch and network small enough to train on one CPU core."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["CONFIGURATION", "FEATURES_PER_STAGE", "PATCH_SIZE", "plan_for_training"]

CONFIGURATION = "3d_fullres"
PATCH_SIZE = (64, 64, 80)
"""Voxels (z, y, x) of 4 mm: most of a chest, so that left and right can be told apart."""
FEATURES_PER_STAGE = (16, 32, 64, 96, 128)
_NORMALISATION = {
    "max": 3071.0,
    "min": -1024.0,
    "mean": -500.0,
    "median": -800.0,
    "percentile_00_5": -1024.0,
    "percentile_99_5": 300.0,
    "std": 400.0,
}
"""Air to bone: nnU-Net's own values, those of lung voxels alone, would leave no contrast outside the lungs."""


def plan_for_training(plans: dict[str, Any]) -> dict[str, Any]:
    """Return nnU-Net's plan for the phantoms with the recipe's patch, batch, network and range of HU."""
    plans = json.loads(json.dumps(plans))
    configuration = plans["configurations"][CONFIGURATION]
    stages = len(FEATURES_PER_STAGE)
    configuration.update(batch_size=1, patch_size=list(PATCH_SIZE), batch_dice=False)
    configuration["architecture"]["arch_kwargs"].update(
        n_stages=stages,
        features_per_stage=list(FEATURES_PER_STAGE),
        kernel_sizes=[[3, 3, 3]] * stages,
        strides=[[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        n_conv_per_stage=[1] * stages,
        n_conv_per_stage_decoder=[1] * (stages - 1),
    )
    plans["configurations"] = {CONFIGURATION: configuration}
    plans["foreground_intensity_properties_per_channel"] = {"0": dict(_NORMALISATION)}
    return dict(plans)
