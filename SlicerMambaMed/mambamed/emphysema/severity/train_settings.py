"""Settings of a severity training: one value, checked once, stored with the result. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.emphysema.severity.settings import CLASS_SETS
from mambamed.emphysema.severity.settings import HEALTHY_CLASSES
from mambamed.emphysema.severity.settings import SeverityConfiguration
from mambamed.errors import BadRequestError
from mambamed.jobs.settings_json import settings_from_json
from mambamed.jobs.settings_json import settings_to_json

__all__ = ["DEMONSTRATION_RECIPE", "PRESETS", "SCHEDULERS", "SeverityTrainingSettings"]

DEMONSTRATION_RECIPE = "emphysema-severity-demo"
SCHEDULERS = ("polynomial", "plateau")

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "classes": CLASS_SETS["paper"],
        "channels": (16, 32, 64, 128),
        "pool": (True, True, True, False),
        "size": (80, 56, 80),
        "hidden": 128,
        "dropout": 0.3,
        "head": "categorical",
        "learning_rate": 1e-4,
        "batch_size": 32,
        "epochs": 100,
        "scheduler": "plateau",
        "patience": 15,
        "elastic_share": 0.3,
    },
    DEMONSTRATION_RECIPE: {
        "classes": CLASS_SETS["four"],
        "channels": (8, 16, 24),
        "kernel_sizes": (3, 3, 1),
        "learning_rate": 6e-3,
        "batch_size": 8,
        "epochs": 14,
        "scheduler": "polynomial",
        "patience": None,
        "rotation_degrees": 0.0,
        "elastic_share": 0.0,
        "precision": "bfloat16",
        "faded_share": 0.3,
        "healed_share": 0.12,
        "head_epochs": 60,
    },
}
"""``paper``: mild, moderate, severe; four stages; Adam at 1e-4, batches of 32, 100 epochs, early stopping."""


@dataclass(frozen=True)
class SeverityTrainingSettings:
    """What to train, on what, and how.

    Attributes:
        cases: CSV with the columns ``ct`` and ``severity`` (a class's name or position), and optionally ``patient``
            and ``lungs``; files lie relative to it.
        recipe: ``emphysema-severity-demo`` makes phantoms in place of ``cases``.
        phantoms: Phantoms of the recipe.
        held_out_phantoms: Further phantoms that the recipe's model is measured on.
        classes: Names in order of severity.
        spacing_mm: Voxel size that the network sees.
        size: Voxels (z, y, x) that it sees.
        window_hu: HU that are told apart.
        channels: Feature maps per stage.
        pool: Whether a max-pooling follows each stage.
        kernel_sizes: Width of each stage's convolution; none given are 3.
        hidden: Width of the fully connected layer.
        attention_channels: Width of the attention.
        dropout: In the fully connected layer.
        head: ``categorical``, ``ordinal``, ``both``.
        epochs: At most.
        head_epochs: Further epochs of attention and heads alone, on features of the frozen convolutions.
        head_copies: Changed copies of each scan (mirrored, noisy, faded, healed) that these further epochs see too.
        batch_size: Scans per step.
        learning_rate: Of Adam.
        weight_decay: Of Adam.
        scheduler: ``polynomial`` or ``plateau``.
        patience: Epochs without a lower validation loss before training ends; None trains on.
        rotation_degrees: Largest turn of a scan in training.
        flips: Mirror left and right at random.
        elastic_share: Share of scans that are bent.
        noise_hu: SD of noise that is added in training.
        faded_share: Share of scans whose vessels (all that is denser than healthy lung) are faded by a random factor:
            the grade must not hang on them.
        healed_share: Share of scans that are shown with all that is darker than healthy lung made healthy, as healthy
            controls of the first class; needs a first class without emphysema.
        even_attention: Weight of the loss that keeps the attention even in scans of a first class without emphysema:
            where nothing is wrong, nothing deserves more attention than the rest.
        folds: 0 for one 70/15/15 split, else a cross-validation with as many folds before the last training.
        grid: Names of settings with the values to try; the best by validation loss is taken.
        grid_epochs: Epochs of each trial of the grid.
        precision: ``float32`` or ``bfloat16`` of the convolutions in training.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        seed: Of splits, weights, batches and augmentation.
        time_limit_minutes: Of the last training; None has none.
    """

    cases: str = ""
    recipe: str = ""
    phantoms: int = 280
    held_out_phantoms: int = 120
    classes: tuple[str, ...] = CLASS_SETS["four"]
    spacing_mm: float = 4.0
    size: tuple[int, int, int] = (72, 52, 76)
    window_hu: tuple[float, float] = (-1024.0, -700.0)
    channels: tuple[int, ...] = (6, 12, 16)
    pool: tuple[bool, ...] = (True, False, False)
    kernel_sizes: tuple[int, ...] = ()
    hidden: int = 32
    attention_channels: int = 16
    dropout: float = 0.1
    head: str = "both"
    epochs: int = 100
    head_epochs: int = 0
    head_copies: int = 0
    batch_size: int = 8
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    scheduler: str = "polynomial"
    patience: int | None = 15
    rotation_degrees: float = 10.0
    flips: bool = True
    elastic_share: float = 0.1
    noise_hu: float = 6.0
    faded_share: float = 0.0
    healed_share: float = 0.0
    even_attention: float = 0.0
    folds: int = 0
    grid: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    grid_epochs: int = 10
    precision: str = "float32"
    device: str = "auto"
    seed: int = 0
    time_limit_minutes: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            BadRequestError: With what was found and expected.
        """
        for name in ("classes", "size", "window_hu", "channels", "pool", "kernel_sizes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if bool(self.cases) == bool(self.recipe):
            raise BadRequestError("Name either a CSV of cases to train on or a recipe that makes its own.")
        if self.recipe not in ("", DEMONSTRATION_RECIPE):
            raise BadRequestError(f"The recipe is {self.recipe!r}; expected {DEMONSTRATION_RECIPE}.")
        if self.scheduler not in SCHEDULERS:
            raise BadRequestError(f"The scheduler is {self.scheduler!r}; expected one of: {', '.join(SCHEDULERS)}.")
        if self.precision not in ("float32", "bfloat16"):
            raise BadRequestError(f"The precision is {self.precision!r}; expected float32 or bfloat16.")
        for name in ("epochs", "batch_size", "grid_epochs", "phantoms", "held_out_phantoms"):
            if getattr(self, name) < 1:
                raise BadRequestError(f"The number {name} is {getattr(self, name)}; at least 1 is expected.")
        if self.learning_rate <= 0 or (self.time_limit_minutes is not None and self.time_limit_minutes <= 0):
            raise BadRequestError("The learning rate and the time limit must be above 0.")
        if self.head_epochs < 0 or self.head_copies < 0:
            raise BadRequestError(
                f"There are {self.head_epochs} epochs of the heads on {self.head_copies} copies; expected 0 or more."
            )
        if self.folds not in (0, *range(2, 11)):
            raise BadRequestError(f"There are {self.folds} folds; expected 0 (one split) or 2 to 10.")
        if not 0.0 <= self.faded_share <= 1.0 or not 0.0 <= self.healed_share < 1.0:
            raise BadRequestError(
                f"The shares of faded and healed scans are {self.faded_share} and {self.healed_share}; expected 0 to 1."
            )
        if self.even_attention < 0.0:
            raise BadRequestError(f"The weight of an even attention is {self.even_attention}; expected 0 or more.")
        if max(self.healed_share, self.even_attention) > 0.0 and self.classes[0] not in HEALTHY_CLASSES:
            raise BadRequestError(
                f"Healed scans and an even attention are for a class without emphysema, but the first one is "
                f"{self.classes[0]!r}; expected {' or '.join(HEALTHY_CLASSES)}, or neither of them."
            )
        allowed = {field.name for field in dataclasses.fields(self)} - {"grid", "cases", "recipe", "folds", "device"}
        wrong = sorted(set(self.grid) - allowed)
        if wrong or not all(isinstance(values, list | tuple) and values for values in self.grid.values()):
            raise BadRequestError(
                f"The grid has {', '.join(wrong) or 'an entry without values'}; expected names of training settings, "
                "each with a list of values, for example learning_rate: [0.0001, 0.001]."
            )
        self.configuration  # noqa: B018 (checks the model)

    @property
    def configuration(self) -> SeverityConfiguration:
        """The model that is trained."""
        names = [field.name for field in dataclasses.fields(SeverityConfiguration)]
        return SeverityConfiguration(**{name: getattr(self, name) for name in names})

    def replace(self, **changes: Any) -> SeverityTrainingSettings:
        """Return a copy with some values changed, checked again."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return settings_to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SeverityTrainingSettings:
        """Read what ``to_json`` gave.

        Raises:
            BadRequestError: Unknown names or values of another kind.
        """
        return settings_from_json(cls, values, "severity training")
