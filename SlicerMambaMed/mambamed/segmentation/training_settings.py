"""Settings of a segmentation training: one value, checked once, stored with the result. Standard library only."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.segmentation.architectures import ARCHITECTURES
from mambamed.segmentation.architectures import ArchitectureChoice
from mambamed.segmentation.architectures import architecture_choice
from mambamed.segmentation.dataset_source import is_nnunet_name
from mambamed.segmentation.recipes import RECIPES

__all__ = ["ARCHITECTURES", "CONFIGURATIONS", "SegmentationTrainingSettings"]

CONFIGURATIONS = ("2d", "3d_fullres", "3d_lowres")
_OPTIMIZERS = ("auto", "sgd", "adam", "adamw")
_PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_COUNTS = (
    "epochs",
    "iterations",
    "validation_iterations",
    "processes",
    "synthetic_cases",
    "training_processes",
    "nodes",
)
_IMPORTED = "Dataset900"
"""Beginning of the name of a data set that is imported from another form."""


@dataclass(frozen=True)
class SegmentationTrainingSettings:
    """What to train, on what, and for how long; the defaults are nnU-Net's.

    Attributes:
        dataset: Folder of the training cases: a raw nnU-Net v2 data set named ``DatasetNNN_Name``, or another form that
            ``dataset_source`` reads.
        architecture: One of ``ARCHITECTURES``: ``umamba-bot``, ``umamba-enc``, ``plain`` (nnU-Net's U-Net), ``resenc``,
            ``resenc-l``, ``resenc-xl`` (its residual encoders), ``segresnet``, ``unetr``, ``swinunetr``.
        configuration: ``2d``, ``3d_fullres`` or ``3d_lowres``.
        fold: 0 to 4 of a five-fold cross-validation, or ``all`` to train on every case.
        epochs: Epochs.
        iterations: Training batches per epoch.
        validation_iterations: Validation batches per epoch.
        learning_rate: At the start; it decays to 0. None takes what the network's authors suggest.
        optimizer: ``auto`` (what the network's authors suggest), ``sgd`` (Nesterov), ``adam`` or ``adamw``.
        weight_decay: Of the optimiser; None takes what the network's authors suggest.
        momentum: Of SGD.
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``; the scan is in float32 in any case.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        processes: For preprocessing.
        loader_processes: For preparing batches; 0 prepares them in the training process.
        seed: Of weights and batches; on a CPU the same seed gives the same run, also when it was stopped and resumed.
        training_processes: Processes that train together on each machine, one per graphics card; the batch is shared.
        nodes: Machines that train together, inside a Slurm allocation.
        time_limit_minutes: End by then, with the learning rate decayed in time; None for no limit.
        recipe: ``""``, or a name in ``RECIPES``: generate the data of that bundled model in place of a data set.
        synthetic_cases: Synthetic cases that the recipe makes.
    """

    dataset: str = ""
    architecture: str = "umamba-bot"
    configuration: str = "3d_fullres"
    fold: str = "all"
    epochs: int = 1000
    iterations: int = 250
    validation_iterations: int = 50
    learning_rate: float | None = None
    optimizer: str = "auto"
    weight_decay: float | None = None
    momentum: float = 0.99
    precision: str = "auto"
    device: str = "auto"
    processes: int = 2
    loader_processes: int = 1
    seed: int = 0
    training_processes: int = 1
    nodes: int = 1
    time_limit_minutes: float | None = None
    recipe: str = ""
    synthetic_cases: int = 100

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            BadRequestError: A value is none of the allowed ones.
        """
        for name, allowed in (
            ("architecture", ARCHITECTURES),
            ("configuration", CONFIGURATIONS),
            ("fold", ("0", "1", "2", "3", "4", "all")),
            ("optimizer", _OPTIMIZERS),
            ("precision", _PRECISIONS),
            ("recipe", ("", *RECIPES)),
        ):
            if getattr(self, name) not in allowed:
                choices = ", ".join(choice or "none" for choice in allowed)
                raise BadRequestError(f"The {name} is {getattr(self, name)!r}; expected one of: {choices}.")
        for name in (
            "epochs",
            "iterations",
            "validation_iterations",
            "processes",
            "synthetic_cases",
            "training_processes",
            "nodes",
        ):
            if getattr(self, name) < 1:
                raise BadRequestError(
                    f"The number of {name.replace('_', ' ')} is {getattr(self, name)}; at least 1 is expected."
                )
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise BadRequestError(f"The learning rate is {self.learning_rate}; a number above 0 is expected.")
        if self.time_limit_minutes is not None and self.time_limit_minutes <= 0:
            raise BadRequestError(f"The time limit is {self.time_limit_minutes} minutes; expected a number above 0.")
        if bool(self.dataset) == bool(self.recipe):
            raise BadRequestError("Name either a data set folder to train on or a recipe that makes its own data.")

    @property
    def network(self) -> ArchitectureChoice:
        """The network with its plan, trainer and optimiser, where these settings do not overrule them."""
        choice = architecture_choice(self.architecture, self.precision)
        overruled: dict[str, Any] = {} if self.optimizer == "auto" else {"optimizer": self.optimizer}
        for name in ("learning_rate", "weight_decay"):
            if getattr(self, name) is not None:
                overruled[name] = getattr(self, name)
        return dataclasses.replace(choice, **overruled)

    @property
    def dataset_name(self) -> str:
        """``DatasetNNN_Name``: the folder's own name, or the one under which other cases are imported."""
        if self.recipe:
            return RECIPES[self.recipe].dataset_name
        name = Path(self.dataset).name
        return name if is_nnunet_name(name) else f"{_IMPORTED}_{re.sub('[^A-Za-z0-9]+', '', name) or 'Cases'}"

    @property
    def dataset_id(self) -> int:
        """The number in the data set's name."""
        return int(self.dataset_name.partition("_")[0].removeprefix("Dataset"))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> SegmentationTrainingSettings:
        """Build settings from ``to_json``'s values.

        Raises:
            BadRequestError: A name is unknown or a value is not allowed.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(content) - names)
        if unknown:
            raise BadRequestError(
                f"Unknown training settings: {', '.join(unknown)}. Known: {', '.join(sorted(names))}."
            )
        try:
            return cls(**content)
        except TypeError as error:
            raise BadRequestError(f"A training setting has the wrong type ({error}).") from error
