"""Settings of a DISA training: one value, checked once, stored with the result. Standard library only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["DISATrainingSettings"]

_PRECISIONS = ("auto", "float32", "bfloat16")
_SMALLEST_CROP = 25


@dataclass(frozen=True)
class DISATrainingSettings:
    """How to train; the defaults made the bundled weights, but for the time limit.

    Attributes:
        steps: optimiser steps.
        scenes: synthetic scenes per step, each seen in two contrasts.
        crop_voxels: side of a scene in voxels, 4 k + 1.
        positions: positions per scene and contrast whose descriptors are compared, all with all.
        shared_positions: share of the positions that both contrasts of a scene have in common.
        learning_rate: of AdamW, after the warm-up.
        weight_decay: of AdamW.
        warm_up_steps: steps over which the learning rate rises.
        decay_from: share of the training after which the learning rate falls along a cosine to 0.
        averaging: decay per step of the moving average of the weights, which is what is kept.
        offset_weight: how much the square of the mean error counts beside the variance of the error until the learning
            rate falls; it then rises to 1, with which the loss is the mean squared error. It is 1 throughout where the
            training begins with initial weights.
        initial_weights: go on from these weights, with a new optimiser and a new schedule: identifier of a listed
            model, its folder, or a file of weights; empty begins from weights drawn with the seed.
        precision: number format of the convolutions: auto, float32 or bfloat16.
        device: auto, cpu, cuda, cuda:1, mps.
        threads: threads on a CPU; 0 leaves the number to PyTorch.
        seed: of weights and scenes.
        time_limit_minutes: end by then, with the learning rate decayed in time; None for no limit.
        checkpoint_steps: steps between checkpoints.
        metric_steps: steps between points of the curves.
    """

    steps: int = 60_000
    scenes: int = 3
    crop_voxels: int = 37
    positions: int = 96
    shared_positions: float = 0.7
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    warm_up_steps: int = 50
    decay_from: float = 0.6
    averaging: float = 0.995
    offset_weight: float = 0.05
    initial_weights: str = ""
    precision: str = "auto"
    device: str = "auto"
    threads: int = 0
    seed: int = 2023
    time_limit_minutes: float | None = None
    checkpoint_steps: int = 100
    metric_steps: int = 10

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            BadRequestError: a value is out of its range.
        """
        if self.precision not in _PRECISIONS:
            raise BadRequestError(f'The precision is "{self.precision}"; choose one of {", ".join(_PRECISIONS)}.')
        for name in ("steps", "scenes", "positions", "checkpoint_steps", "metric_steps"):
            if getattr(self, name) < 1:
                raise BadRequestError(f"The setting {name} is {getattr(self, name)}; at least 1 is expected.")
        if self.crop_voxels < _SMALLEST_CROP or self.crop_voxels % 4 != 1:
            raise BadRequestError(
                f"Scenes of {self.crop_voxels} voxels a side were asked for; expected 4 k + 1, at least "
                f"{_SMALLEST_CROP} (the largest LC2 cube and its gradient must fit around a position)."
            )
        shares = {"shared_positions": 1.0, "decay_from": 1.0, "averaging": 0.99999, "offset_weight": 1.0}
        for name, top in shares.items():
            if not 0.0 <= getattr(self, name) <= top:
                raise BadRequestError(f"The setting {name} is {getattr(self, name)}; expected 0 to {top}.")
        if self.learning_rate <= 0 or self.weight_decay < 0 or self.warm_up_steps < 0 or self.threads < 0:
            raise BadRequestError(
                "Learning rate, weight decay, warm-up and threads must not be negative, the learning rate not 0."
            )
        if self.time_limit_minutes is not None and self.time_limit_minutes <= 0:
            raise BadRequestError(f"The time limit is {self.time_limit_minutes} minutes; expected a number above 0.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> DISATrainingSettings:
        """Build settings from ``to_json``'s values.

        Raises:
            BadRequestError: a name is unknown or a value is not allowed.
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
