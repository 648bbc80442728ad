"""Settings of a comparison of networks: one value, checked once, stored with the result. Standard library only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from mambamed.errors import BadRequestError
from mambamed.segmentation.dataset_source import is_nnunet_name
from mambamed.segmentation.training_settings import SegmentationTrainingSettings

__all__ = ["ComparisonSettings"]


@dataclass(frozen=True)
class ComparisonSettings:
    """Which networks are compared, on which folds, and how each is trained.

    Attributes:
        architectures: At least two; the first is the baseline of the tests.
        folds: Folds of nnU-Net's five-fold split; every network is trained and tested on each.
        training: ``SegmentationTrainingSettings`` but for ``architecture`` and ``fold``; the same for all networks.
        tolerances_mm: Of the normalised surface distance, by label name; ``""`` for all others.
        instances: Score cells (F1) instead of labels; the data set then holds interior (1) and boundary (2).
    """

    architectures: tuple[str, ...]
    folds: tuple[str, ...] = ("0", "1", "2", "3", "4")
    training: dict[str, Any] = field(default_factory=dict)
    tolerances_mm: dict[str, float] = field(default_factory=dict)
    instances: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be compared.

        Raises:
            BadRequestError: Fewer than two networks, one named twice, or a training that is not allowed.
        """
        for name in ("architectures", "folds"):
            object.__setattr__(self, name, tuple(str(value) for value in getattr(self, name)))
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise BadRequestError(f"The {name} are {', '.join(values)}; expected each once.")
        if len(self.architectures) < 2:
            raise BadRequestError("One architecture is given; expected at least two to compare.")
        if not self.folds or "all" in self.folds:
            raise BadRequestError(
                "The folds must be some of 0 to 4, so that every case is tested by a network that did not train on it."
            )
        for architecture in self.architectures:
            for fold in self.folds:
                self.training_of(architecture, fold)

    def training_of(self, architecture: str, fold: str) -> SegmentationTrainingSettings:
        """Return the settings of one training.

        Raises:
            BadRequestError: They are not allowed, or a recipe is asked for.
        """
        settings = SegmentationTrainingSettings.from_json({**self.training, "architecture": architecture, "fold": fold})
        if not settings.dataset:
            raise BadRequestError("A comparison needs a data set folder; recipes train one network only.")
        if not is_nnunet_name(Path(settings.dataset).name):
            raise BadRequestError(
                f"The data set folder is named {Path(settings.dataset).name!r}; a comparison needs a raw nnU-Net data "
                "set with a name like Dataset001_Liver."
            )
        return settings

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a job request."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ComparisonSettings:
        """Build settings from ``to_json``'s values.

        Raises:
            BadRequestError: A name is unknown or a value is not allowed.
        """
        names = {item.name for item in dataclasses.fields(cls)}
        unknown = sorted(set(content) - names)
        if unknown:
            raise BadRequestError(
                f"Unknown comparison settings: {', '.join(unknown)}. Known: {', '.join(sorted(names))}."
            )
        return cls(**content)
