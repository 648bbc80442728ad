"""What can be chosen in the Training part of a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["TrainingChoice", "TrainingChoices"]


@dataclass(frozen=True)
class TrainingChoice:
    """One setting that is chosen from a list.

    Attributes:
        setting: the engine's name of it.
        label: words before the list.
        toolTip: what it is.
        entries: words and value of each entry, the usual one first.
    """

    setting: str
    label: str
    toolTip: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TrainingChoices:
    """The choices of one kind of training.

    Attributes:
        sources: words and key of each source of cases: ``folder``, ``scene``, or a key of the task's own.
        folderToolTip: what a folder of cases must hold.
        choices: up to three settings that are chosen from lists.
        presets: words and settings (``epochs`` among them) by key.
        metrics: names of the metrics that are drawn.
        axis: what the curves show.
        steps: what they are drawn over.
        summary: line about the last values, with ``{step}`` and the metrics by position: ``{0:.3f}``.
    """

    sources: tuple[tuple[str, str], ...]
    folderToolTip: str
    choices: tuple[TrainingChoice, ...]
    presets: Mapping[str, tuple[str, Mapping[str, Any]]]
    metrics: tuple[str, ...]
    axis: str
    steps: str
    summary: str
