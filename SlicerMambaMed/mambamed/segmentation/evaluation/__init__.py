"""Scores of segmentations against references: ``evaluate_folders``, ``evaluate_pair``, and their tables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.segmentation.evaluation.evaluate import evaluate_folders as evaluate_folders
    from mambamed.segmentation.evaluation.evaluate import evaluate_pair as evaluate_pair

__all__ = ["evaluate_folders", "evaluate_pair"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("mambamed.segmentation.evaluation.evaluate"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
