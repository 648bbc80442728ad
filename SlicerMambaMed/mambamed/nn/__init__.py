"""Shared network layers (the Mamba block, norms) and the choice of device and precision.

Attributes are imported when first used, so that ``mambamed.nn.device`` and the layers can be used independently.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.nn.device import choose_device
    from mambamed.nn.device import describe_devices
    from mambamed.nn.instance_norm import keep_channels_last
    from mambamed.nn.mamba import Mamba
    from mambamed.nn.precision import Precision
    from mambamed.nn.precision import choose_precision
    from mambamed.nn.visual_state_space import CrossScan3d
    from mambamed.nn.visual_state_space import VisualStateSpaceBlock

__all__ = [
    "CrossScan3d",
    "Mamba",
    "Precision",
    "VisualStateSpaceBlock",
    "choose_device",
    "choose_precision",
    "describe_devices",
    "keep_channels_last",
]

_HOMES = {
    "CrossScan3d": "mambamed.nn.visual_state_space",
    "Mamba": "mambamed.nn.mamba",
    "Precision": "mambamed.nn.precision",
    "VisualStateSpaceBlock": "mambamed.nn.visual_state_space",
    "choose_device": "mambamed.nn.device",
    "choose_precision": "mambamed.nn.precision",
    "describe_devices": "mambamed.nn.device",
    "keep_channels_last": "mambamed.nn.instance_norm",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
