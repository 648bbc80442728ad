"""Settings of a training of a registration network: one value, checked once, stored with the result. Stdlib only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.jobs.settings_json import settings_from_json
from mambamed.jobs.settings_json import settings_to_json
from mambamed.registration.network_names import NETWORK_NAMES

__all__ = ["IMAGE_LOSSES", "PRESETS", "NetworkTrainingSettings"]

IMAGE_LOSSES = ("none", "ncc", "mind")
_PRECISIONS = ("auto", "float32", "bfloat16")
_SCHEDULERS = ("polynomial", "constant")
_SOURCES = ("recipe", "shapes", "images", "fixed")

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {
        "architecture": "vmambamorph_feat",
        "arguments": {},
        "grid_shape": (128, 128, 128),
        "epochs": 300,
        "iterations": 150,
        "learning_rate": 1e-3,
        "scheduler": "constant",
        "smoothness_weight": 0.2,
        "places_weight": 0.0,
        "gradient_clip": None,
    },
}
"""``paper``: 128 voxels a side, Adam at 0.001, one pair per step, 300 epochs of 150 pairs, Dice and smoothness (0.1,
which the public code doubles)."""


@dataclass(frozen=True)
class NetworkTrainingSettings:
    """What to train, on what, and how.

    Attributes:
        recipe: one of ``NETWORK_RECIPES``, which makes its own pairs.
        shapes: train on random shapes; no data are needed.
        images: folder of images of different persons; every pair of them is registered.
        fixed: folder of the images that others are moved onto; partners in ``moving`` have the same file name.
        moving: see ``fixed``.
        labels: folder of label maps of ``images`` or of ``fixed``, with the same file names; empty without.
        moving_labels: folder of label maps of ``moving``.
        from_labels: paint the label maps in ``labels`` with random contrasts and use no image.
        affine: align pairs of images by an affine registration first.
        architecture: one of ``NETWORK_NAMES``.
        arguments: settings of the network (see ``mambamed.registration.networks.build``).
        initial_model: model whose weights are the first ones; empty begins with random ones.
        grid_shape: voxels (x, y, z) of the volumes that the network sees.
        spacing_mm: their size.
        middle_below_top_mm: for heads, how far below their top the middle of those volumes lies (about 80 mm for the
            brain of adults): where a registration lays the network's grid. None for other anatomy.
        epochs: at most.
        iterations: training pairs per epoch and process.
        validation_pairs: pairs kept for validation.
        learning_rate: of Adam, at the start.
        scheduler: ``polynomial`` (decays to 0) or ``constant``.
        gradient_clip: largest norm of the gradient; None cuts none off.
        dice_weight: of the Dice loss.
        places_weight: of the distance between places that should meet, where a recipe knows them.
        matching_weight: of the divergence of matches (networks with a ``matching_radius``), where places are known.
        labels_per_step: labels drawn for the Dice loss of a step, at most.
        image_loss: ``none``, ``ncc`` (one contrast) or ``mind`` (different contrasts).
        image_weight: of the image loss.
        smoothness_weight: of the squared differences of the velocity.
        precision: of the convolutions: ``auto``, ``float32`` or ``bfloat16``; state-space parts stay in float32.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        threads: on a CPU; 0 leaves the number to PyTorch.
        loader_processes: that prepare pairs; 0 prepares them in the training process.
        training_processes: processes that train together on each machine, one per graphics card.
        nodes: machines that train together, inside a Slurm allocation.
        synthetic_maps: label maps that a recipe makes.
        same_contrast_share: painted pairs whose images have one contrast; the others have two independent ones.
        seed: of weights and pairs.
        time_limit_minutes: end by then, with the learning rate decayed in time; None for no limit.
    """

    recipe: str = ""
    shapes: bool = False
    images: str = ""
    fixed: str = ""
    moving: str = ""
    labels: str = ""
    moving_labels: str = ""
    from_labels: bool = False
    affine: bool = True
    architecture: str = "vmambamorph_feat"
    arguments: dict[str, Any] = field(default_factory=dict)
    initial_model: str = ""
    grid_shape: tuple[int, int, int] = (128, 128, 128)
    spacing_mm: float = 1.5
    middle_below_top_mm: float | None = None
    epochs: int = 300
    iterations: int = 150
    validation_pairs: int = 10
    learning_rate: float = 1e-3
    scheduler: str = "polynomial"
    gradient_clip: float | None = 1.0
    dice_weight: float = 1.0
    places_weight: float = 0.1
    matching_weight: float = 0.5
    labels_per_step: int = 32
    image_loss: str = "none"
    image_weight: float = 1.0
    smoothness_weight: float = 0.2
    precision: str = "auto"
    device: str = "auto"
    threads: int = 0
    loader_processes: int = 0
    training_processes: int = 1
    nodes: int = 1
    synthetic_maps: int = 60
    same_contrast_share: float = 0.0
    seed: int = 0
    time_limit_minutes: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            BadRequestError: with what was found and expected.
        """
        object.__setattr__(self, "grid_shape", tuple(self.grid_shape))
        self._check_source()
        choices = {
            "architecture": NETWORK_NAMES,
            "scheduler": _SCHEDULERS,
            "image_loss": IMAGE_LOSSES,
            "precision": _PRECISIONS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise BadRequestError(
                    f"The {name.replace('_', ' ')} is {getattr(self, name)!r}; expected one of: {', '.join(allowed)}."
                )
        counts = ("epochs", "iterations", "validation_pairs", "labels_per_step", "training_processes", "nodes")
        for name in (*counts, "synthetic_maps"):
            if getattr(self, name) < 1:
                raise BadRequestError(f"The setting {name} is {getattr(self, name)}; at least 1 is expected.")
        for name in ("threads", "loader_processes", "dice_weight", "places_weight", "matching_weight", "image_weight"):
            if getattr(self, name) < 0:
                raise BadRequestError(f"The setting {name} is {getattr(self, name)}; it must not be negative.")
        if not 0.0 <= self.same_contrast_share <= 1.0:
            raise BadRequestError(f"The share of one contrast is {self.same_contrast_share}; expected 0 to 1.")
        if len(self.grid_shape) != 3 or min(self.grid_shape) < 16 or self.spacing_mm <= 0:
            raise BadRequestError(
                f"The grid is {self.grid_shape} voxels of {self.spacing_mm} mm; expected three sizes from 16 on and a "
                "spacing above 0."
            )
        if self.middle_below_top_mm is not None and self.middle_below_top_mm < 0:
            raise BadRequestError(
                f"The middle of the heads lies {self.middle_below_top_mm} mm below their top; expected at least 0."
            )
        if self.gradient_clip is not None and self.gradient_clip <= 0:
            raise BadRequestError(
                f"The largest norm of the gradient is {self.gradient_clip}; expected a number above 0."
            )
        if self.learning_rate <= 0 or self.smoothness_weight < 0:
            raise BadRequestError("The learning rate must be above 0 and the smoothness weight not negative.")
        if self.time_limit_minutes is not None and self.time_limit_minutes <= 0:
            raise BadRequestError(f"The time limit is {self.time_limit_minutes} minutes; expected a number above 0.")

    def _check_source(self) -> None:
        given = [name for name in _SOURCES if getattr(self, name)]
        if self.from_labels and self.labels and not given:
            return
        if len(given) != 1 or self.from_labels:
            raise BadRequestError(
                "Name one source of training pairs: a recipe, random shapes, a folder of images, folders of fixed and "
                "moving images, or label maps to paint (labels with from_labels)."
            )
        if bool(self.fixed) != bool(self.moving) or (bool(self.moving_labels) and not (self.fixed and self.labels)):
            raise BadRequestError(
                "Fixed and moving images come as two folders with the same file names, their labels likewise."
            )
        if (self.images or self.fixed) and not self.labels and self.image_loss == "none":
            raise BadRequestError(
                "Images without label maps need an image loss: ncc for one contrast, mind for different ones."
            )

    def replace(self, **changes: Any) -> NetworkTrainingSettings:
        """Return a copy with some values changed, checked again."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return settings_to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NetworkTrainingSettings:
        """Read what ``to_json`` gave.

        Raises:
            BadRequestError: unknown names or values of another kind.
        """
        return settings_from_json(cls, values, "registration training")
