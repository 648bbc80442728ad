"""The recipes behind the bundled models, by name; standard library only, each recipe's code is imported when used.

The package of a recipe has ``dataset.write_dataset`` (makes a raw nnU-Net data set) and ``recipe.plan_for_training``
(changes nnU-Net's plan); the trainer lives with the others in ``mambamed.segmentation.trainers``. A recipe that draws
on another task as well is a package of ``mambamed.recipes``, above the tasks, and is named here without being imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.jobs.reporter import Reporter

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How one bundled model is made.

    Attributes:
        dataset_name: ``DatasetNNN_Name`` of the data that it makes.
        package: Package with ``dataset`` and ``recipe``.
        trainer: ``module:class`` of its trainer.
        defaults: Training settings that differ from ``SegmentationTrainingSettings``' own defaults.
    """

    dataset_name: str
    package: str
    trainer: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def write_dataset(self, folder: Path, cases: int, seed: int, reporter: Reporter, processes: int) -> None:
        """Write ``cases`` synthetic cases as a raw nnU-Net data set into ``folder``."""
        importlib.import_module(f"{self.package}.dataset").write_dataset(folder, cases, seed, reporter, processes)

    def plan_for_training(self, plans: dict[str, Any]) -> dict[str, Any]:
        """Return nnU-Net's plan with the recipe's patch, batch and network."""
        changed: dict[str, Any] = importlib.import_module(f"{self.package}.recipe").plan_for_training(plans)
        return changed

    def trainer_class(self) -> Any:
        """Return the class that trains it."""
        module, _, name = self.trainer.partition(":")
        return getattr(importlib.import_module(module), name)


RECIPES: dict[str, Recipe] = {
    "brain-tissue-mr": Recipe(
        dataset_name="Dataset152_BrainTissue",
        package="mambamed.segmentation.brain_recipe",
        trainer="mambamed.segmentation.trainers.brain_tissue:nnUNetTrainerUMambaBotBrainTissue",
        defaults={
            "epochs": 100,
            "iterations": 100,
            "validation_iterations": 4,
            "learning_rate": 1.5e-3,
            "optimizer": "adamw",
            "seed": 152,
            "synthetic_cases": 100,
        },
    ),
    "cells-microscopy": Recipe(
        dataset_name="Dataset153_Cells",
        package="mambamed.segmentation.cell_recipe",
        trainer="mambamed.segmentation.trainers.umamba_enc:nnUNetTrainerUMambaEnc",
        defaults={
            "architecture": "umamba-enc",
            "configuration": "2d",
            "epochs": 20,
            "iterations": 50,
            "validation_iterations": 4,
            "learning_rate": 2e-3,
            "optimizer": "adamw",
            "seed": 153,
            "synthetic_cases": 300,
        },
    ),
    "lungs-ct": Recipe(
        dataset_name="Dataset154_Lungs",
        package="mambamed.recipes.lungs",
        trainer="mambamed.segmentation.trainers.lungs:nnUNetTrainerUMambaBotLungs",
        defaults={
            "epochs": 40,
            "iterations": 25,
            "validation_iterations": 4,
            "learning_rate": 1.5e-3,
            "optimizer": "adamw",
            "seed": 154,
            "synthetic_cases": 80,
        },
    ),
}
"""Recipe of each bundled model, by the model's id."""
