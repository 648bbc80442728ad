"""Emphysema severity from the lungs on a chest CT: network with attention, training, grading.

The names below are loaded at first use: importing this package, or its ``settings`` and ``train_settings``, needs the
standard library only.

Example:
    >>> from mambamed.emphysema.severity import grade
    >>> result = grade(ct_hu, lungs, spacing_mm)  # arrays (z, y, x)
    >>> result.probabilities, result.spread, result.unlike_training
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.emphysema.severity.grading import SeverityResult
    from mambamed.emphysema.severity.grading import grade
    from mambamed.emphysema.severity.model import SeverityModel
    from mambamed.emphysema.severity.model import load_severity_model
    from mambamed.emphysema.severity.settings import SeverityConfiguration
    from mambamed.emphysema.severity.train_settings import SeverityTrainingSettings
    from mambamed.emphysema.severity.training import train_severity

__all__ = [
    "SeverityConfiguration",
    "SeverityModel",
    "SeverityResult",
    "SeverityTrainingSettings",
    "grade",
    "load_severity_model",
    "train_severity",
]

_HOMES = {
    "SeverityConfiguration": "settings",
    "SeverityModel": "model",
    "SeverityResult": "grading",
    "SeverityTrainingSettings": "train_settings",
    "grade": "grading",
    "load_severity_model": "model",
    "train_severity": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
