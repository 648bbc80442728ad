"""What the user wants trained: cases of the scene or of a folder, and the engine's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ScenePair", "TrainingRequest"]


@dataclass(frozen=True)
class ScenePair:
    """One training case of the scene.

    Attributes:
        volume: scalar volume node.
        segmentation: segmentation node whose segments are the labels of that volume.
    """

    volume: Any
    segmentation: Any

    @property
    def title(self) -> str:
        """Name for a list."""
        return f"{self.volume.GetName()} + {self.segmentation.GetName()}"


@dataclass(frozen=True)
class TrainingRequest:
    """A training as the panel or a script asks for it.

    Attributes:
        name: name of the model to be; also of its folder.
        pairs: cases of the scene; empty when they are in a folder.
        folder: folder of the cases (nnU-Net, Decathlon, BIDS, pairs); empty when they are in the scene.
        home: folder in which the training gets a folder of its own.
        settings: further settings of the engine (for segmentation ``mambamed.segmentation.training_settings``), for
            example ``{"architecture": "umamba-bot", "epochs": 100}``.
        source: where the cases are: ``folder``, ``scene``, or a key of the task's own.
    """

    name: str
    home: Path
    pairs: tuple[ScenePair, ...] = ()
    folder: str = ""
    settings: dict[str, Any] | None = None
    source: str = ""
