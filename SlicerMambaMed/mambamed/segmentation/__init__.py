"""Segmentation with U-Mamba and every nnU-Net v2 model.

The names below are loaded at first use: importing this package, or its ``settings``, needs the standard library only.

Example:
    >>> from mambamed.segmentation import load_model
    >>> model = load_model("brain-tissue-mr")
    >>> result = model.predict(SimpleITK.ReadImage("t1.nii.gz"))
    >>> result.labelmap  # on the grid of t1.nii.gz
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.segmentation.estimate import Estimate
    from mambamed.segmentation.estimate import estimate_segmentation
    from mambamed.segmentation.model import SegmentationModel
    from mambamed.segmentation.model import load_model
    from mambamed.segmentation.result import SegmentationResult
    from mambamed.segmentation.settings import SegmentationSettings

__all__ = [
    "Estimate",
    "SegmentationModel",
    "SegmentationResult",
    "SegmentationSettings",
    "estimate_segmentation",
    "load_model",
]

_HOMES = {
    "Estimate": "estimate",
    "SegmentationModel": "model",
    "SegmentationResult": "result",
    "SegmentationSettings": "settings",
    "estimate_segmentation": "estimate",
    "load_model": "model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
