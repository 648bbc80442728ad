"""Recipes that make their own training pairs, by the id of the model that they train. Standard library only.

The package of a recipe has ``make_pairs(settings, work, reporter)``, which returns a ``PairSource``. It draws on the
synthetic heads of segmentation, so it lies above the tasks and is named here without being imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

__all__ = ["NETWORK_RECIPES", "NetworkRecipe"]


@dataclass(frozen=True)
class NetworkRecipe:
    """How one network is trained.

    Attributes:
        package: package with ``make_pairs``.
        defaults: training settings that differ from ``NetworkTrainingSettings``' own defaults.
    """

    package: str
    defaults: Mapping[str, Any] = field(default_factory=dict)


NETWORK_RECIPES: Mapping[str, NetworkRecipe] = {
    "vmambamorph-brain": NetworkRecipe(
        package="mambamed.recipes.brain_registration",
        defaults={
            "architecture": "vmambamorph_feat",
            "arguments": {
                "embed_dim": 32,
                "feature_channels": 16,
                "downsize": 2,
                "position_code": False,
                "self_similarity": True,
                "matching_radius": 2,
            },
            "grid_shape": (48, 64, 48),
            "spacing_mm": 3.0,
            "middle_below_top_mm": 78.0,
            "epochs": 60,
            "iterations": 100,
            "validation_pairs": 8,
            "learning_rate": 1e-3,
            "smoothness_weight": 0.1,
            "places_weight": 0.5,
            "labels_per_step": 12,
            "precision": "bfloat16",
            "synthetic_maps": 80,
            "seed": 157,
        },
    ),
}
