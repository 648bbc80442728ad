"""Settings of a training on emphysema patches: one value, checked once. Standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mambamed.errors import BadRequestError

__all__ = ["PatternTrainingSettings"]


@dataclass(frozen=True)
class PatternTrainingSettings:
    """The recipe of ``emphysema-patterns``; the defaults made the bundled model.

    Attributes:
        patches: ``.npz`` with ``patches`` (N, 31, 31) in HU and ``labels``.
        networks: Networks from different seeds whose probabilities are averaged.
        epochs: Of each network.
        batch_size: Patches per step.
        learning_rate: At the start; it decays to 0.
        weight_decay: Of AdamW.
        label_smoothing: Share of the target's probability that is spread over all classes.
        shift_hu: SD of the HU that are added to a whole patch.
        noise_hu: Largest SD of added noise.
        splits: Cross-validations before the last training on all patches: ``random``, ``blocks``.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``.
        seed: Of weights, batches and shuffles.
        time_limit_minutes: Of each network; None has none.
    """

    patches: str = ""
    networks: int = 2
    epochs: int = 40
    batch_size: int = 48
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    shift_hu: float = 3.0
    noise_hu: float = 4.0
    splits: tuple[str, ...] = ("random", "blocks")
    device: str = "auto"
    seed: int = 0
    time_limit_minutes: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            BadRequestError: With what was found and expected.
        """
        object.__setattr__(self, "splits", tuple(self.splits))
        if not self.patches:
            raise BadRequestError("Name the file with the labelled patches (.npz) to train on.")
        for name in ("networks", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise BadRequestError(f"The number {name} is {getattr(self, name)}; at least 1 is expected.")
        if self.learning_rate <= 0:
            raise BadRequestError(f"The learning rate is {self.learning_rate}; a number above 0 is expected.")
        if set(self.splits) - {"random", "blocks"}:
            raise BadRequestError(f"The splits are {', '.join(self.splits)}; expected random, blocks or none.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return {**dataclasses.asdict(self), "splits": list(self.splits)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PatternTrainingSettings:
        """Read what ``to_json`` gave.

        Raises:
            BadRequestError: Unknown names or wrong values.
        """
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise BadRequestError(f"Unknown settings of a pattern training: {', '.join(unknown)}.")
        try:
            return cls(**values)
        except TypeError as error:
            raise BadRequestError(f"A setting of the pattern training has the wrong type ({error}).") from error
