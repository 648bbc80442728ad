"""Segmentation networks built from nnU-Net plans: U-Mamba Bot and Enc, and nnU-Net's own.

Attributes are imported when first used, since they need PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from mambamed.segmentation.networks.build import build_network
    from mambamed.segmentation.networks.build import network_name_of_trainer
    from mambamed.segmentation.networks.plan import NetworkPlan
    from mambamed.segmentation.networks.plan import resolve_configuration
    from mambamed.segmentation.networks.umamba import UMambaBot
    from mambamed.segmentation.networks.umamba import UMambaEnc
    from mambamed.segmentation.networks.weights import alias_names
    from mambamed.segmentation.networks.weights import load_network_weights
    from mambamed.segmentation.networks.weights import without_aliases

__all__ = [
    "NetworkPlan",
    "UMambaBot",
    "UMambaEnc",
    "alias_names",
    "build_network",
    "load_network_weights",
    "network_name_of_trainer",
    "resolve_configuration",
    "without_aliases",
]

_HOMES = {
    "NetworkPlan": "plan",
    "UMambaBot": "umamba",
    "UMambaEnc": "umamba",
    "alias_names": "weights",
    "build_network": "build",
    "load_network_weights": "weights",
    "network_name_of_trainer": "build",
    "resolve_configuration": "plan",
    "without_aliases": "weights",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
