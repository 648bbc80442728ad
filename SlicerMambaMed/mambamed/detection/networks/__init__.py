"""Networks that find oriented objects: backbones, feature pyramid, and the head with DCFL's prior-capturing block.

Attributes are imported when first used, since all but the settings need PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

from mambamed.detection.networks.settings import BACKBONES
from mambamed.detection.networks.settings import DetectorSettings

if TYPE_CHECKING:
    from mambamed.detection.networks.box_coder import decode_boxes
    from mambamed.detection.networks.box_coder import encode_boxes
    from mambamed.detection.networks.detector import Detector
    from mambamed.detection.networks.detector import DetectorOutput
    from mambamed.detection.networks.detector import build_detector

__all__ = [
    "BACKBONES",
    "Detector",
    "DetectorOutput",
    "DetectorSettings",
    "build_detector",
    "decode_boxes",
    "encode_boxes",
]

_HOMES = {
    "Detector": "detector",
    "DetectorOutput": "detector",
    "build_detector": "detector",
    "decode_boxes": "box_coder",
    "encode_boxes": "box_coder",
}


def __getattr__(name: str) -> Any:
    """Import a class or function when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
